'use strict';
// The console of a function, as Lambda formats it, in the frames of the telemetry descriptor (or on standard output).

const fs = require('fs');
const util = require('util');
const errors = require('./errors.cjs');

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const METHODS = { trace: 0, debug: 1, info: 2, log: 2, warn: 3, error: 4, fatal: 5 };
const MOST = 1024 * 1024; // a log event holds no more
const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId');

let logError;

function setRequestId(id) {
  global[REQUEST_ID] = id;
}

function install() {
  const json = (process.env.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';
  const least = Math.max(0, LEVELS.indexOf((process.env.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase()));
  const write = writer(json);
  const format = json ? asJson : asText;
  for (const [method, level] of Object.entries(METHODS)) {
    console[method] = level >= least || level === 5 ? (...values) => write(format(level, values), level) : () => {};
  }
  logError = json
    ? (_, error) => console.error(error instanceof Error ? error : new Error(error))
    : (message, error) => console.error(message, errors.toLine(error instanceof Error ? error : new Error(error)));
}

function writer(json) {
  const fd = parseInt(process.env._LAMBDA_TELEMETRY_LOG_FD, 10);
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
  if (Number.isNaN(fd)) return (text) => process.stdout.write(`${text.replace(/\n/g, '\r')}\n`);
  return (text, level) => {
    const body = Buffer.from(json ? text : `${text}\n`).subarray(0, MOST);
    const frame = Buffer.allocUnsafe(16 + body.length);
    frame.writeUInt32BE(((json ? 0xa55a0002 : 0xa55a0003) | ((level + 1) << 2)) >>> 0, 0);
    frame.writeUInt32BE(body.length, 4);
    frame.writeBigInt64BE(BigInt(Date.now()) * 1000n, 8);
    body.copy(frame, 16);
    let sent = 0;
    while (sent < frame.length) sent += fs.writeSync(fd, frame, sent);
  };
}

function asText(level, values) {
  return `${new Date().toISOString()}\t${global[REQUEST_ID]}\t${LEVELS[level]}\t${util.format(...values)}`;
}

function asJson(level, values) {
  const line = { timestamp: new Date().toISOString(), level: LEVELS[level], requestId: global[REQUEST_ID] };
  if (values.length === 1) {
    line.message = values[0];
    try {
      return JSON.stringify(line, (_, value) => (value instanceof Error ? flat(value) : value));
    } catch (_) {
      line.message = util.format(values[0]);
      return JSON.stringify(line);
    }
  }
  line.message = util.format(...values);
  const error = values.find((value) => value instanceof Error);
  if (error) Object.assign(line, flat(error));
  return JSON.stringify(line);
}

function flat(error) {
  const stackTrace = typeof error.stack === 'string' ? error.stack.split('\n') : [];
  const errorType = (error.constructor && error.constructor.name) || 'UnknownError';
  return { errorType, errorMessage: error.message, stackTrace, ...error };
}

module.exports = { install, setRequestId, logError: (message, error) => logError(message, error) };
