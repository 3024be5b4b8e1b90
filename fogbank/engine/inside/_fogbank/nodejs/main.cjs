'use strict';
// The Node.js runtime. Started ahead of its function it waits for the function's environment on a descriptor;
// otherwise it has it already.

const fs = require('fs');

const GO_FD = 4;

function receive() {
  const head = readExactly(4);
  return JSON.parse(readExactly(head.readUInt32LE(0)).toString());
}

function readExactly(size) {
  const buffer = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const count = fs.readSync(GO_FD, buffer, filled, size - filled, null);
    if (count === 0) process.exit(0);
    filled += count;
  }
  return buffer;
}

function become(order) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, order.env);
  require('v8').setFlagsFromString(`--max-old-space-size=${Math.max(64, Math.floor(order.memory_mb * 0.9))}`);
  process.chdir(order.cwd);
  process.env._LAMBDA_TELEMETRY_LOG_FD = '3';
}

if (process.env.FOGBANK_AHEAD) {
  // What the function will need is loaded before it is known; reading blocks, so that nothing runs meanwhile.
  require('./runtime.cjs');
  require('net');
  const order = receive();
  fs.closeSync(GO_FD);
  become(order);
}
require('module').Module._initPaths();
process.argv.splice(0, process.argv.length, '/var/lang/bin/node', '/var/runtime/index.mjs');
require('./runtime.cjs').run();
