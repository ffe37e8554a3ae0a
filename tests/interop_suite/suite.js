// SPDX-License-Identifier: MIT
//
// What suite.hpp has, for the programs on @grpc/grpc-js: `NAME.js FOLDER --address unix:PATH ...`.
// FOLDER holds interop_suite.proto and interop_suite/node/node_modules.
'use strict';

const fs = require('fs');
const path = require('path');

exports.sizes = {
  largeRequest: 271828,
  largeResponse: 314159,
  requests: [27182, 8, 1828, 45904],
  responses: [31415, 9, 2653, 58979],
  compressedRequests: [27182, 45904],
  compressedResponses: [31415, 92653],
};
exports.counts = {concurrent: 1000, soakCalls: 50, soakChannels: 20};
exports.initial = ['x-grpc-test-echo-initial', 'test_initial_metadata_value'];
exports.trailing = ['x-grpc-test-echo-trailing-bin', Buffer.from('ababab', 'hex')];
exports.plainMessage = 'test status message';
exports.specialMessage =
  '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n';

exports.flags = () => {
  const [folder, ...rest] = process.argv.slice(2);
  const given = {folder, address: null, tap: null, cases: []};
  for (let i = 0; i < rest.length; i += 2) {
    if (rest[i] === '--test_case') given.cases.push(rest[i + 1]);
    else given[rest[i].slice(2)] = rest[i + 1];
  }
  return given;
};

exports.load = (folder) => {
  const modules = path.join(folder, 'interop_suite', 'node', 'node_modules', '@grpc');
  const grpc = require(path.join(modules, 'grpc-js'));
  const loader = require(path.join(modules, 'proto-loader'));
  const definition = loader.loadSync(path.join(folder, 'interop_suite.proto'), {
    keepCase: true,
    defaults: true,
  });
  return {grpc, testing: grpc.loadPackageDefinition(definition).grpc.testing};
};

// Whether message `index` of the newest call came compressed.
exports.cameCompressed = (tap, index) => fs.readFileSync(tap, 'ascii')[index] === '1';
