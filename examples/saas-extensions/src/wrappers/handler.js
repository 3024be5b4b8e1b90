// The SaaS's part of a tenant's function. The snippet shares its process: the function's role is what holds it.
const snippet = require("./snippet");

exports.handler = async (event) => {
  if ("ping" in event) {  // the deployer asks whether this version can go live
    if (typeof snippet.onEvent !== "function") throw new Error("The snippet exports no function onEvent.");
    return { ready: true };
  }
  return snippet.onEvent(event.event);
};
