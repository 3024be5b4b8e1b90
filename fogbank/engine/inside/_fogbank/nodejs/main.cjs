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

function start(client) {
  require('module').Module._initPaths();
  process.argv.splice(0, process.argv.length, '/var/lang/bin/node', '/var/runtime/index.mjs');
  require('./runtime.cjs').run(client);
}

// Everything that does not depend on the function is done, and used once, before the function is known. The reading
// blocks: nothing else runs meanwhile.
function waitForFunction() {
  const { RuntimeClient } = require('./client.cjs');
  require('./runtime.cjs').rehearse();
  const client = new RuntimeClient('127.0.0.1:9001');
  client.socket.once('connect', () => {
    const order = receive();
    fs.closeSync(GO_FD);
    become(order);
    start(client);
  });
}

if (process.env.FOGBANK_AHEAD) waitForFunction();
else start();
