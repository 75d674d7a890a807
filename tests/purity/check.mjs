// Loads the core as a WebAssembly module: it must import nothing, and do what it does natively.
//
//   node check.mjs MODULE.wasm SEED EXPECTED

import { readFileSync } from 'node:fs'

const [path, seed, expected] = process.argv.slice(2)
const module = new WebAssembly.Module(readFileSync(path))
const imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`)
if (imports.length) {
    console.error(`the module imports ${imports.join(', ')}`)
    process.exit(1)
}
const got = new WebAssembly.Instance(module).exports.drive(Number(seed)) >>> 0
if (got !== Number(expected)) {
    console.error(`the module computes ${got} instead of ${expected}`)
    process.exit(1)
}
console.log(`no imports; drive(${seed}) = ${got}, as natively`)
