'use strict';
// Loaded once before a function is known: the first module that is loaded pays for the loader.
exports.handler = async (event) => event;
