'use strict';
// From the handler's name to the function: CommonJS and ES modules, by Lambda's rules of which file is which.

const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');
const errors = require('./errors.cjs');

const TYPESCRIPT = Number(process.versions.node.split('.')[0]) >= 24;

function isModulePackage(folder) {
  if (folder.endsWith('/node_modules')) return false;
  const file = path.join(folder, 'package.json');
  if (fs.existsSync(file)) {
    try {
      return JSON.parse(fs.readFileSync(file)).type === 'module';
    } catch (error) {
      console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return folder !== '/' && isModulePackage(path.dirname(folder));
}

function required(file) {
  return fs.existsSync(file) ? require(file) : undefined;
}

async function imported(file) {
  return fs.existsSync(file) ? import(pathToFileURL(file).href) : undefined;
}

async function loadModule(root, folder, name) {
  const base = path.resolve(root, folder, name);
  const plain = fs.existsSync(base) && fs.statSync(base).isFile() ? required(base) : undefined;
  if (plain) return plain;
  const asModule = isModulePackage(path.dirname(base));
  const loaded =
    (asModule ? await imported(`${base}.js`) : required(`${base}.js`)) ||
    (await imported(`${base}.mjs`)) ||
    required(`${base}.cjs`) ||
    (TYPESCRIPT &&
      ((asModule ? await imported(`${base}.ts`) : required(`${base}.ts`)) ||
        (await imported(`${base}.mts`)) ||
        required(`${base}.cts`)));
  return loaded || require(require.resolve(name, { paths: [root, folder] }));
}

async function load(root, handler) {
  if (handler.includes('..')) {
    throw new errors.MalformedHandlerName(
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`
    );
  }
  const last = path.basename(handler);
  const folder = handler.substring(0, handler.indexOf(last));
  const parts = /^([^.]*)\.(.*)$/.exec(last);
  if (!parts) throw new errors.MalformedHandlerName('Bad handler');
  let module;
  try {
    module = await loadModule(root, folder, parts[1]);
  } catch (error) {
    if (error instanceof SyntaxError) throw new errors.UserCodeSyntaxError(error);
    if (error && error.code === 'MODULE_NOT_FOUND') throw new errors.ImportModuleError(error);
    throw error;
  }
  const found = parts[2].split('.').reduce((value, key) => value && value[key], module);
  if (!found) throw new errors.HandlerNotFound(`${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new errors.HandlerNotFound(`${handler} is not a function`);
  return found;
}

module.exports = { load };
