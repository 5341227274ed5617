/** The journey as a process: the addresses of ingest and reader, and a key. */
import process from "node:process"
import { travel } from "./journey.ts"

const [ingest = "", reader = "", key = ""] = process.argv.slice(2)
console.log(JSON.stringify(await travel(ingest, reader, key)))
