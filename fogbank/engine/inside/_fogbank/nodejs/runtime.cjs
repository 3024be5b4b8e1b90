'use strict';
// Loads the handler, then answers invocation after invocation: by promise, by callback, or by stream.

const errors = require('./errors.cjs');
const logs = require('./logs.cjs');
const streaming = require('./streaming.cjs');
const { RuntimeClient } = require('./client.cjs');
const { load } = require('./loader.cjs');

const CALLBACKS = Number(process.versions.node.split('.')[0]) < 24;

let client;
let requestId;
let whenLoopEmpty = null;

function run(connected) {
  logs.install();
  process.on('uncaughtException', (error) => die('Uncaught Exception', error, 129));
  process.on('unhandledRejection', (reason, promise) =>
    die('Unhandled Promise Rejection', errors.rejection(reason, promise), 128)
  );
  process.on('beforeExit', () => {
    const action = whenLoopEmpty;
    whenLoopEmpty = null;
    if (action) action();
  });
  client = connected || new RuntimeClient(process.env.AWS_LAMBDA_RUNTIME_API);
  const off = ['1', 'true'].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA);
  if (!off) globalThis.awslambda = streaming.global;
  load(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER)
    .then((handler) => {
      if (!CALLBACKS && !streaming.isStreaming(handler) && handler.length >= 3) {
        throw new errors.CallbackHandlerDeprecated(
          'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.'
        );
      }
      return client.next().then((reply) => serve(handler, reply));
    })
    .catch((error) => die('Uncaught Exception', error, 1));
}

// Reports an error that nothing caught, for the invocation in progress or for Init, and ends the process.
function die(message, error, code) {
  logs.logError(message, error);
  const document = errors.toDocument(error);
  const path = requestId ? `/invocation/${requestId}/error` : '/init/error';
  const leave = () => process.exit(code);
  client.report(path, document).then(leave, leave);
  setTimeout(leave, 1000);
}

function serve(handler, { headers, body }) {
  requestId = headers['lambda-runtime-aws-request-id'];
  logs.setRequestId(requestId);
  if (headers['lambda-runtime-trace-id']) process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
  else delete process.env._X_AMZN_TRACE_ID;
  const again = (reply) => setImmediate(serve, handler, reply);
  let event;
  let context;
  const settle = settler(again);
  try {
    event = JSON.parse(body.toString());
    context = contextOf(headers);
  } catch (error) {
    settle.fail(error);
    return;
  }
  if (streaming.isStreaming(handler)) stream(handler, event, context, again);
  else call(handler, event, context, settle);
}

// Ends an invocation once, whoever comes first.
function settler(again) {
  let settled = false;
  const once = (action) => (value) => {
    if (settled) return;
    settled = true;
    whenLoopEmpty = null;
    action(value);
  };
  const fail = (reason) => {
    const error = reason === undefined || reason === null ? 'handled' : reason;
    logs.logError('Invoke Error', error);
    client.fail(requestId, errors.toDocument(error), errors.toCause(error)).then(again);
  };
  return {
    fail: once(fail),
    succeed: once((value) => {
      let text;
      try {
        text = JSON.stringify(value === undefined ? null : value);
        if (text === undefined) text = 'null';
      } catch (_) {
        fail(new Error('Unable to stringify response body'));
        return;
      }
      client.respond(requestId, text, 'application/json').then(again);
    }),
  };
}

function call(handler, event, context, settle) {
  const finish = (error, value) => (error !== undefined && error !== null ? settle.fail(error) : settle.succeed(value));
  const callback = (error, value) => {
    if (context.callbackWaitsForEmptyEventLoop) whenLoopEmpty = () => finish(error, value);
    else setImmediate(finish, error, value);
  };
  context.done = (error, value) => setImmediate(finish, error, value);
  context.succeed = (value) => context.done(null, value);
  context.fail = (error) => context.done(error === undefined || error === null ? 'handled' : error);
  whenLoopEmpty = () => settle.succeed(undefined);
  let result;
  try {
    const called = { handler }; // a method: Lambda's stack traces say so
    result = CALLBACKS ? called.handler(event, context, callback) : called.handler(event, context);
  } catch (error) {
    settle.fail(error);
    return;
  }
  if (result && typeof result.then === 'function') result.then(settle.succeed, settle.fail);
  else if (!CALLBACKS) settle.succeed(result);
}

function stream(handler, event, context, again) {
  const channel = client.stream(requestId);
  const response = new streaming.ResponseStream(channel, { highWaterMark: streaming.highWaterMark(handler) });
  let ended = false;
  const end = (error) => {
    if (ended) return;
    ended = true;
    whenLoopEmpty = null;
    if (error) logs.logError('Invoke Error', error);
    if (error && !response.begun) client.fail(requestId, errors.toDocument(error), errors.toCause(error)).then(again);
    else channel.end(error ? errors.toDocument(error) : undefined).then(again);
  };
  response.on('finish', () => end());
  response.on('error', end);
  let result;
  try {
    result = handler(event, response, context);
  } catch (error) {
    end(error);
    return;
  }
  if (!result || typeof result.then !== 'function') {
    end(new errors.MalformedStreamingHandler('Streaming does not support non-async handlers.'));
    return;
  }
  result.then(() => response.writableEnded || response.end(), end);
}

function contextOf(headers) {
  const env = process.env;
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const parse = (name) => (headers[name] ? JSON.parse(Buffer.from(headers[name], 'latin1').toString()) : undefined);
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse('lambda-runtime-client-context'),
    identity: parse('lambda-runtime-cognito-identity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: requestId,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    tenantId: headers['lambda-runtime-aws-tenant-id'],
  };
  return context;
}

// Runs the path of an invocation once without one, so that its code is compiled and loaded.
function rehearse() {
  const settled = () => {};
  const headers = { 'lambda-runtime-aws-request-id': 'x', 'lambda-runtime-deadline-ms': '1' };
  require('./rehearsal.cjs');
  call(async (event) => event, JSON.parse('{"a":1}'), contextOf(headers), { succeed: settled, fail: settled });
  whenLoopEmpty = null;
  errors.toDocument(new Error('x'));
}

module.exports = { run, rehearse };
