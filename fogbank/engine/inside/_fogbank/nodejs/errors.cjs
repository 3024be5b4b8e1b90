'use strict';
// Errors that the runtime names, and how any thrown value becomes an error document or a line of the log.

const util = require('util');

class RuntimeError extends Error {}

function named(name) {
  const made = class extends RuntimeError {};
  Object.defineProperty(made, 'name', { value: name });
  made.prototype.name = `Runtime.${name}`;
  return made;
}

const ImportModuleError = named('ImportModuleError');
const HandlerNotFound = named('HandlerNotFound');
const MalformedHandlerName = named('MalformedHandlerName');
const UserCodeSyntaxError = named('UserCodeSyntaxError');
const MalformedStreamingHandler = named('MalformedStreamingHandler');
const InvalidStreamingOperation = named('InvalidStreamingOperation');
const CallbackHandlerDeprecated = named('CallbackHandlerDeprecated');
const UnhandledPromiseRejection = named('UnhandledPromiseRejection');

function rejection(reason, promise) {
  const error = new UnhandledPromiseRejection(reason);
  error.reason = reason;
  error.promise = promise;
  return error;
}

function looksLikeError(value) {
  return (
    util.types.isNativeError(value) ||
    (value && ['name', 'message', 'stack'].every((key) => value[key] && typeof value[key] === 'string'))
  );
}

// { errorType, errorMessage, trace }: what the caller gets.
function toDocument(error) {
  try {
    if (looksLikeError(error)) {
      return { errorType: error.name, errorMessage: error.message, trace: String(error.stack).split('\n') };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch (_) {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    };
  }
}

function toLine(error) {
  try {
    return `\t${JSON.stringify(error, (_, value) => withHidden(value))}`;
  } catch (_) {
    return `\t${JSON.stringify(toDocument(error))}`;
  }
}

// Name, message, code and stack are not enumerable, and would be missing in JSON.
function withHidden(value) {
  if (!(value instanceof Error)) return value;
  const shown = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
  if (typeof value.stack === 'string') shown.stack = value.stack.split('\n');
  return shown;
}

// What X-Ray is told about an error.
function toCause(error) {
  if (!looksLikeError(error)) return undefined;
  const stack = [];
  const paths = new Set();
  for (const line of String(error.stack).split('\n').slice(1)) {
    const match = /^\s*at (?:(.*?) \()?(.*?):(\d+):\d+\)?$/.exec(line);
    if (!match) continue;
    stack.push({ path: match[2], line: Number(match[3]), label: match[1] || 'anonymous' });
    paths.add(match[2]);
  }
  const exceptions = [{ type: error.name, message: error.message, stack }];
  return JSON.stringify({ working_directory: process.cwd(), exceptions, paths: [...paths] });
}

module.exports = {
  ImportModuleError, HandlerNotFound, MalformedHandlerName, UserCodeSyntaxError, MalformedStreamingHandler,
  InvalidStreamingOperation, CallbackHandlerDeprecated, rejection, toDocument, toLine, toCause,
};
