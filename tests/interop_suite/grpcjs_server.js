// SPDX-License-Identifier: MIT
//
// The standard test service on @grpc/grpc-js: `grpcjs_server.js FOLDER --address unix:PATH
// [--tap FILE]`. It cannot compress responses. SIGTERM drains it.
'use strict';

const suite = require('./suite.js');

const given = suite.flags();
const {grpc, testing} = suite.load(given.folder);

const zeros = (size) => ({body: Buffer.alloc(size)});
const failure = (code, details) => Object.assign(new Error(details), {code, details});
const ordersFailure = ({response_status: ordered}) =>
  ordered && ordered.code ? failure(ordered.code, ordered.message) : null;

// Sends the headers, and gives the trailers.
function echoMetadata(call) {
  const trailers = new grpc.Metadata();
  for (const [[key], to] of [[suite.initial, new grpc.Metadata()], [suite.trailing, trailers]]) {
    for (const value of call.metadata.get(key)) to.add(key, value);
    if (to !== trailers && to.get(key).length > 0) call.sendMetadata(to);
  }
  return trailers;
}

function unlikeExpected(request, index) {
  const expected = request.expect_compressed;
  if (!expected || Boolean(expected.value) === suite.cameCompressed(given.tap, index)) return null;
  return failure(grpc.status.INVALID_ARGUMENT, 'a request is not compressed as it says');
}

function unaryCall(call, callback) {
  const trailers = echoMetadata(call);
  const wrong = unlikeExpected(call.request, 0) || ordersFailure(call.request);
  if (wrong) callback(wrong, null, trailers);
  else callback(null, {payload: zeros(call.request.response_size || 0)}, trailers);
}

async function respond(call, request) {
  for (const ordered of request.response_parameters || []) {
    if (ordered.interval_us > 0) {
      await new Promise((resume) => setTimeout(resume, ordered.interval_us / 1000));
    }
    call.write({payload: zeros(ordered.size)});
  }
}

async function streamingOutputCall(call) {
  await respond(call, call.request);
  call.end();
}

function streamingInputCall(call, callback) {
  let [sum, index, wrong] = [0, 0, null];
  call.on('data', (request) => {
    wrong = wrong || unlikeExpected(request, index);
    index += 1;
    sum += request.payload.body.length;
  });
  call.on('end', () => callback(wrong, {aggregated_payload_size: sum}));
}

function fullDuplexCall(call) {
  const trailers = echoMetadata(call);
  let answered = Promise.resolve();  // each request before the next
  call.on('data', (request) => {
    answered = answered.then(async () => {
      const wrong = ordersFailure(request);
      if (wrong) throw wrong;
      await respond(call, request);
    });
    answered.catch((wrong) => call.emit('error', wrong));
  });
  call.on('end', () => answered.then(() => call.end(trailers), () => {}));
}

function halfDuplexCall(call) {
  const requests = [];
  call.on('data', (request) => requests.push(request));
  call.on('end', async () => {
    for (const request of requests) await respond(call, request);
    call.end();
  });
}

const server = new grpc.Server();
server.addService(testing.TestService.service, {
  EmptyCall: (call, callback) => callback(null, {}),
  UnaryCall: unaryCall,
  CacheableUnaryCall: unaryCall,
  StreamingOutputCall: streamingOutputCall,
  StreamingInputCall: streamingInputCall,
  FullDuplexCall: fullDuplexCall,
  HalfDuplexCall: halfDuplexCall,
});
server.bindAsync(given.address, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
process.on('SIGTERM', () => server.tryShutdown((error) => process.exit(error ? 1 : 0)));
