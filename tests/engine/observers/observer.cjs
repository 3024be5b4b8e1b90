#!/usr/bin/env node
// An external extension in JavaScript (Node.js 14 and later): tells each event, and what the Telemetry API sent it.
'use strict';
const http = require('http');
const path = require('path');

const PORT = 8102;
const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const records = [];

function call(method, url, headers, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path: url, headers }, (answer) => {
      let text = '';
      answer.on('data', (data) => { text += data; });
      answer.on('end', () => {
        if (answer.statusCode !== 200) reject(new Error(`${url}: ${answer.statusCode} ${text}`));
        else resolve({ headers: answer.headers, body: JSON.parse(text) });
      });
    });
    request.on('error', reject);
    request.end(body && JSON.stringify(body));
  });
}

function listen() {
  const server = http.createServer((request, response) => {
    let text = '';
    request.on('data', (data) => { text += data; });
    request.on('end', () => {
      for (const event of JSON.parse(text)) {
        if (event.type === 'function') records.push(event.record.trim());
      }
      response.end();
    });
  });
  return new Promise((resolve) => server.listen(PORT, 'sandbox.localdomain', resolve));
}

(async () => {
  const registered = await call('POST', '/2020-01-01/extension/register',
    { 'Lambda-Extension-Name': path.basename(__filename), 'Content-Type': 'application/json' },
    { events: ['INVOKE', 'SHUTDOWN'] });
  const me = { 'Lambda-Extension-Identifier': registered.headers['lambda-extension-identifier'] };
  await listen();
  await call('PUT', '/2022-07-01/telemetry', { ...me, 'Content-Type': 'application/json' }, {
    schemaVersion: '2022-12-13', types: ['function'], buffering: { timeoutMs: 25 },
    destination: { protocol: 'HTTP', URI: `http://sandbox.localdomain:${PORT}/` },
  });
  console.log('nodejs registered');
  for (;;) {
    const { body: event } = await call('GET', '/2020-01-01/extension/event/next', me);
    if (event.eventType === 'SHUTDOWN') {
      console.log(`nodejs SHUTDOWN ${event.shutdownReason}`);
      console.log(`nodejs heard ${records.join(' ')}`);
      process.exit(0);
    }
    console.log(`nodejs INVOKE ${event.requestId}`);
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
