'use strict';
// Response streaming: `awslambda.streamifyResponse` and the stream that such a handler writes to.

const { Writable } = require('stream');
const errors = require('./errors.cjs');

const MARK = Symbol.for('aws.lambda.runtime.handler.streaming');
const WATERMARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const HTTP_TYPE = 'application/vnd.awslambda.http-integration-response';

class ResponseStream extends Writable {
  constructor(channel, options) {
    super(options);
    this.channel = channel;
    this.contentType = 'application/octet-stream';
    this.begun = false;
  }

  setContentType(value) {
    if (this.begun) throw new errors.InvalidStreamingOperation('Cannot set content-type, too late.');
    this.contentType = value;
  }

  begin() {
    if (this.begun) return;
    this.begun = true;
    if (this.onBegin) this.onBegin((prelude) => this.send(prelude));
    else this.channel.begin(this.contentType);
  }

  send(prelude) {
    this.channel.begin(this.contentType);
    this.channel.write(Buffer.from(prelude), () => {});
  }

  _write(chunk, encoding, done) {
    this.begin();
    this.channel.write(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding), done);
  }

  _final(done) {
    this.begin();
    done();
  }
}

const HttpResponseStream = {
  from(stream, prelude) {
    stream.setContentType(HTTP_TYPE);
    stream.onBegin = (send) => send(Buffer.concat([Buffer.from(JSON.stringify(prelude)), Buffer.alloc(8)]));
    return stream;
  },
};

function streamifyResponse(handler, options) {
  handler[MARK] = 'response';
  if (options && typeof options.highWaterMark === 'number') handler[WATERMARK] = options.highWaterMark;
  return handler;
}

function isStreaming(handler) {
  const mark = handler[MARK];
  if (mark === undefined || mark === null || mark === false) return false;
  if (mark !== 'response') throw new errors.MalformedStreamingHandler('Only response streaming is supported.');
  return true;
}

module.exports = {
  ResponseStream, isStreaming, highWaterMark: (handler) => handler[WATERMARK],
  global: { streamifyResponse, HttpResponseStream },
};
