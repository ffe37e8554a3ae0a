// SPDX-License-Identifier: MIT
//
// @grpc/grpc-js's client of the standard test service: `grpcjs_client.js FOLDER --address unix:PATH
// [--tap FILE] --test_case NAME...`; reports as interop_client does.
'use strict';

const {deepStrictEqual, strictEqual} = require('assert');
const suite = require('./suite.js');

const {sizes, counts} = suite;
const given = suite.flags();
const {grpc, testing} = suite.load(given.folder);
const credentials = grpc.credentials.createInsecure();
const {status} = grpc;

// Compression is a matter of a channel here. A pool of its own keeps a channel from sharing
// connections.
const channel = (more) => new testing.TestService(given.address, credentials,
  {'grpc.use_local_subchannel_pool': 1, ...more});
const compressing = () =>
  channel({'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip});

const zeros = (size) => ({body: Buffer.alloc(size)});
const largeRequest = (more) =>
  ({response_size: sizes.largeResponse, payload: zeros(sizes.largeRequest), ...more});
const ordering = (size, requestSize) =>
  ({response_parameters: [{size}], payload: zeros(requestSize)});

function expectPayload(response, size) {
  if (!response.payload.body.equals(Buffer.alloc(size))) throw new Error('the payload differs');
}

// How a call ended: {status: {code, details, metadata}, headers, response, responses}.
function ended(call) {
  return new Promise((resolve) => {
    const got = {headers: null, responses: []};
    call.on('metadata', (headers) => { got.headers = headers; });
    call.on('error', () => {});
    if (call.read) call.on('data', (response) => got.responses.push(response));
    call.on('status', (end) => resolve({...got, status: end}));
  });
}

// Of a call with one response: the same, and the response.
function answered(make) {
  return new Promise((resolve) => {
    const got = {};
    const take = (part) => {
      Object.assign(got, part);
      if ('status' in got && 'response' in got) resolve(got);
    };
    ended(make((error, response) => take({response: response || null}))).then(take);
  });
}

const unary = (stub, method, request, metadata = new grpc.Metadata()) =>
  answered((callback) => stub[method](request, metadata, callback));

// `send` gets the call.
const streamingInput = (stub, send) => answered((callback) => {
  const call = stub.StreamingInputCall(callback);
  send(call);
  return call;
});

async function largeUnary(stub, request = largeRequest(), method = 'UnaryCall', metadata) {
  const end = await unary(stub, method, request, metadata);
  expectEnd(end, status.OK);
  expectPayload(end.response, sizes.largeResponse);
  return end;
}

function expectEnd(end, code, details) {
  strictEqual(end.status.code, code, `the status is ${end.status.code}: ${end.status.details}`);
  if (details !== undefined) strictEqual(end.status.details, details);
}

function expectSizes(responses, expected) {
  strictEqual(responses.length, expected.length, 'the number of responses');
  responses.forEach((response, index) => expectPayload(response, expected[index]));
}

const noCompress = 2;  // WriteFlags.NoCompress, which is not exported

// What `write` does, and with which flags: the streams of newer versions of node let none through.
function writeWithFlags(call, message, flags) {
  return new Promise((callback) => call.call.sendMessageWithContext({callback, flags}, message));
}

const cases = {
  async empty_unary(stub) {
    expectEnd(await unary(stub, 'EmptyCall', {}), status.OK);
  },
  async large_unary(stub) {
    await largeUnary(stub);
  },
  async cacheable_unary(stub) {
    const metadata = new grpc.Metadata();
    metadata.add('x-user-ip', '1.2.3.4');
    for (let i = 0; i < 2; i += 1) {
      await largeUnary(stub, largeRequest(), 'CacheableUnaryCall', metadata);
    }
  },
  async client_compressed_unary(stub) {
    const compressed = largeRequest({expect_compressed: {value: true}});
    expectEnd(await unary(stub, 'UnaryCall', compressed), status.INVALID_ARGUMENT);
    await largeUnary(stub, largeRequest({expect_compressed: {value: false}}));
    const other = compressing();
    await largeUnary(other, compressed);
    other.close();
  },
  async server_compressed_unary(stub) {
    for (const value of [true, false]) {
      await largeUnary(stub, largeRequest({response_compressed: {value}}));
      strictEqual(suite.cameCompressed(given.tap, 0), value, 'compressed');
    }
  },
  async client_streaming(stub) {
    const end = await streamingInput(stub, (call) => {
      for (const size of sizes.requests) call.write({payload: zeros(size)});
      call.end();
    });
    expectEnd(end, status.OK);
    strictEqual(end.response.aggregated_payload_size, 74922);
  },
  async client_compressed_streaming(stub) {
    const [first, second] = sizes.compressedRequests.map((size, index) =>
      ({payload: zeros(size), expect_compressed: {value: index === 0}}));
    const probe = await streamingInput(stub, (call) => {
      call.write(first);
      call.end();
    });
    expectEnd(probe, status.INVALID_ARGUMENT);

    const other = compressing();
    const end = await streamingInput(other, async (call) => {
      await writeWithFlags(call, first, 0);
      await writeWithFlags(call, second, noCompress);
      call.end();
    });
    expectEnd(end, status.OK);
    strictEqual(end.response.aggregated_payload_size, 73086);
    other.close();
  },
  async server_streaming(stub) {
    const end = await ended(stub.StreamingOutputCall(
      {response_parameters: sizes.responses.map((size) => ({size}))}));
    expectEnd(end, status.OK);
    expectSizes(end.responses, sizes.responses);
  },
  async server_compressed_streaming(stub) {
    const end = await ended(stub.StreamingOutputCall({
      response_parameters: sizes.compressedResponses.map((size, index) =>
        ({size, compressed: {value: index === 0}})),
    }));
    expectEnd(end, status.OK);
    expectSizes(end.responses, sizes.compressedResponses);
    deepStrictEqual([0, 1].map((index) => suite.cameCompressed(given.tap, index)), [true, false]);
  },
  async ping_pong(stub) {
    const call = stub.FullDuplexCall();
    let next = 0;
    const send = () => {
      if (next === sizes.requests.length) call.end();
      else call.write(ordering(sizes.responses[next], sizes.requests[next]));
      next += 1;
    };
    call.on('data', send);
    const end = ended(call);
    send();
    expectEnd(await end, status.OK);
    expectSizes((await end).responses, sizes.responses);
  },
  async half_duplex(stub) {
    const call = stub.HalfDuplexCall();
    const end = ended(call);
    for (const size of sizes.responses) call.write(ordering(size, 0));
    call.end();
    expectEnd(await end, status.OK);
    expectSizes((await end).responses, sizes.responses);
  },
  async empty_stream(stub) {
    const call = stub.FullDuplexCall();
    const end = ended(call);
    call.end();
    expectEnd(await end, status.OK);
    expectSizes((await end).responses, []);
  },
  async custom_metadata(stub) {
    const metadata = new grpc.Metadata();
    metadata.add(...suite.initial);
    metadata.add(...suite.trailing);
    const ends = [await largeUnary(stub, largeRequest(), 'UnaryCall', metadata)];
    const call = stub.FullDuplexCall(metadata);
    const end = ended(call);
    call.write(ordering(sizes.largeResponse, sizes.largeRequest));
    call.end();
    ends.push(await end);
    expectEnd(ends[1], status.OK);
    expectSizes(ends[1].responses, [sizes.largeResponse]);
    for (const {headers, status: {metadata: trailers}} of ends) {
      deepStrictEqual(headers.get(suite.initial[0]), [suite.initial[1]]);
      deepStrictEqual(trailers.get(suite.trailing[0]), [suite.trailing[1]]);
    }
  },
  async status_code_and_message(stub) {
    const orders = {response_status: {code: 2, message: suite.plainMessage}};
    expectEnd(await unary(stub, 'UnaryCall', orders), status.UNKNOWN, suite.plainMessage);
    const call = stub.FullDuplexCall();
    const end = ended(call);
    call.write(orders);
    call.end();
    expectEnd(await end, status.UNKNOWN, suite.plainMessage);
  },
  async special_status_message(stub) {
    const orders = {response_status: {code: 2, message: suite.specialMessage}};
    expectEnd(await unary(stub, 'UnaryCall', orders), status.UNKNOWN, suite.specialMessage);
  },
  async unimplemented_method(stub) {
    expectEnd(await unary(stub, 'UnimplementedCall', {}), status.UNIMPLEMENTED);
  },
  async unimplemented_service() {
    const missing = new testing.UnimplementedService(given.address, credentials);
    expectEnd(await unary(missing, 'UnimplementedCall', {}), status.UNIMPLEMENTED);
    missing.close();
  },
  async cancel_after_begin(stub) {
    expectEnd(await streamingInput(stub, (call) => call.cancel()), status.CANCELLED);
  },
  async cancel_after_first_response(stub) {
    const call = stub.FullDuplexCall();
    call.on('data', () => call.cancel());
    const end = ended(call);
    call.write(ordering(sizes.responses[0], sizes.requests[0]));
    expectEnd(await end, status.CANCELLED);
    expectSizes((await end).responses, [sizes.responses[0]]);
  },
  async timeout_on_sleeping_server(stub) {
    const call = stub.FullDuplexCall({deadline: Date.now() + 1});
    const end = ended(call);
    call.write({payload: zeros(sizes.requests[0])});
    expectEnd(await end, status.DEADLINE_EXCEEDED);
  },
  async rpc_soak(stub) {
    for (let i = 0; i < counts.soakCalls; i += 1) await largeUnary(stub);
  },
  async channel_soak() {
    for (let i = 0; i < counts.soakChannels; i += 1) {
      const fresh = channel();
      await largeUnary(fresh);
      fresh.close();
    }
  },
  async concurrent_large_unary(stub) {
    const calls = [];
    for (let i = 0; i < counts.concurrent; i += 1) calls.push(largeUnary(stub));
    await Promise.all(calls);
  },
};

async function main() {
  const stub = channel();
  let failed = false;
  for (const name of given.cases) {
    console.log(`run ${name}`);
    try {
      await cases[name](stub);
      console.log(`ok ${name}`);
    } catch (why) {
      console.log(`failed ${name} ${String(why).replace(/\n/g, ' ')}`);
      failed = true;
    }
  }
  stub.close();
  return failed;
}

main().then((failed) => process.exit(failed ? 1 : 0));
