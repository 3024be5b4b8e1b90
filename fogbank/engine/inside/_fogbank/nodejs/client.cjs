'use strict';
// The Runtime API as a runtime sees it: one kept connection without an HTTP library. While the handler runs, the
// connection does not keep the event loop alive: an empty loop must be noticed.

const net = require('net');

const VERSION = '/2018-06-01/runtime';

class RuntimeClient {
  constructor(address) {
    this.address = address;
    const [host, port] = this.address.split(':');
    this.buffer = Buffer.alloc(0);
    this.waiting = [];
    this.socket = net.connect({ host, port: Number(port) });
    this.socket.setNoDelay(true);
    this.socket.on('data', (data) => this.received(data));
    this.socket.on('error', () => process.exit(0));
    this.socket.on('close', () => process.exit(0));
    this.nextRequest = this.head('GET', '/invocation/next') + '\r\n';
  }

  head(method, path) {
    return `${method} ${VERSION}${path} HTTP/1.1\r\nHost: ${this.address}\r\n`;
  }

  // Resolves to { headers, body }.
  next() {
    this.socket.ref();
    this.socket.write(this.nextRequest);
    return this.answer().then((reply) => {
      this.socket.unref();
      return reply;
    });
  }

  // Posts the response and asks for the next event in the same write.
  respond(requestId, body, contentType) {
    return this.finish(`/invocation/${requestId}/response`, body, `Content-Type: ${contentType}\r\n`);
  }

  fail(requestId, document, cause) {
    return this.finish(`/invocation/${requestId}/error`, JSON.stringify(document), this.errorHeaders(document, cause));
  }

  finish(path, body, headers) {
    this.socket.ref();
    this.socket.write(this.post(path, body, headers) + this.nextRequest);
    const accepted = this.answer();
    return accepted.then(() => this.answer()).then((reply) => {
      this.socket.unref();
      return reply;
    });
  }

  post(path, body, headers) {
    return `${this.head('POST', path)}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  }

  // For a process that is about to exit: resolves when the platform has the error.
  report(path, document) {
    this.socket.ref();
    this.waiting = [];
    this.socket.write(this.post(path, JSON.stringify(document), this.errorHeaders(document)));
    return this.answer();
  }

  errorHeaders(document, cause) {
    let lines = 'Content-Type: application/json\r\n';
    lines += `Lambda-Runtime-Function-Error-Type: ${printable(document.errorType)}\r\n`;
    if (cause && cause.length < 1048576) lines += `Lambda-Runtime-Function-XRay-Error-Cause: ${printable(cause)}\r\n`;
    return lines;
  }

  stream(requestId) {
    this.socket.ref();
    return {
      begin: (contentType) =>
        this.socket.write(
          this.head('POST', `/invocation/${requestId}/response`) +
            `Content-Type: ${printable(contentType)}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n` +
            'Transfer-Encoding: chunked\r\n' +
            'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n'
        ),
      write: (chunk, done) => {
        if (chunk.length === 0) return void done();
        this.socket.cork();
        this.socket.write(`${chunk.length.toString(16)}\r\n`);
        this.socket.write(chunk);
        this.socket.write('\r\n', done);
        this.socket.uncork();
      },
      end: (error) => {
        let trailers = '';
        if (error) {
          const body = Buffer.from(JSON.stringify(error)).toString('base64');
          trailers =
            `Lambda-Runtime-Function-Error-Type: ${printable(error.errorType)}\r\n` +
            `Lambda-Runtime-Function-Error-Body: ${body}\r\n`;
        }
        this.socket.write(`0\r\n${trailers}\r\n${this.nextRequest}`);
        return this.answer().then(() => this.answer()).then((reply) => {
          this.socket.unref();
          return reply;
        });
      },
    };
  }

  answer() {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.parse();
    });
  }

  received(data) {
    this.buffer = this.buffer.length ? Buffer.concat([this.buffer, data]) : data;
    this.parse();
  }

  parse() {
    while (this.waiting.length) {
      const end = this.buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const lines = this.buffer.toString('latin1', 0, end).split('\r\n');
      const headers = {};
      for (let place = 1; place < lines.length; place++) {
        const colon = lines[place].indexOf(':');
        headers[lines[place].slice(0, colon).toLowerCase()] = lines[place].slice(colon + 1).trim();
      }
      const size = Number(headers['content-length'] || 0);
      if (this.buffer.length < end + 4 + size) return;
      const body = this.buffer.subarray(end + 4, end + 4 + size);
      this.buffer = this.buffer.subarray(end + 4 + size);
      this.waiting.shift()({ headers, body });
    }
  }
}

function printable(text) {
  return String(text).replace(/[^\x20-\x7e]/g, '?');
}

module.exports = { RuntimeClient };
