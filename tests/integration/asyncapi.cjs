// Has the parser of the AsyncAPI project read a list of documents; what it has to say of each is printed as a list.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

async function read(document) {
  const { diagnostics } = await new Parser().parse(JSON.stringify(document));
  return diagnostics.map((one) => `${one.code} at ${one.path.join(".")}: ${one.message}`);
}

Promise.all(JSON.parse(readFileSync(0, "utf8")).map(read)).then((told) => console.log(JSON.stringify(told)));
