/**
 * The rows of a body with many: a JSON array, or NDJSON, a row a line, which is read as it comes; either also
 * gzip'd. Never more in memory than one body may have inflated, whatever is sent; a bomb ends there.
 */
import { MIMEType } from "node:util"
import { problem } from "./answer.ts"

/** Of a body, inflated. */
export const ROWS_MAX_BYTES = 8 * 1_024 * 1_024

/** Of a body. More make no call cheaper, and an answer about each would be long. */
export const ROWS_MAX = 10_000

const FORMATS: Readonly<Record<string, "array" | "lines">> = {
  "application/json": "array",
  "application/x-ndjson": "lines",
  "application/ndjson": "lines",
  "application/jsonl": "lines",
}

const formatOf = (headers: Headers) => {
  try {
    const { essence, params } = new MIMEType(headers.get("content-type") ?? "")
    const isUtf8 = new TextDecoder(params.get("charset") ?? "utf-8").encoding === "utf-8"
    return isUtf8 && Object.hasOwn(FORMATS, essence) ? FORMATS[essence] : undefined
  } catch {
    // No media type, or no charset that anybody knows.
    return undefined
  }
}

/** The bytes as they are meant; undefined when the coding is none that is known. */
const inflated = (request: Request): ReadableStream<Uint8Array<ArrayBuffer>> | null | undefined => {
  const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity"
  if (coding === "identity" || coding === "") return request.body
  if (coding !== "gzip" && coding !== "x-gzip") return undefined
  return request.body?.pipeThrough(new DecompressionStream("gzip")) ?? null
}

class TooLarge extends Error {}

/** The text of a body, piece by piece. @throws TooLarge, or what is wrong with the bytes. */
async function* textOf(body: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > ROWS_MAX_BYTES) throw new TooLarge()
    yield decoder.decode(chunk, { stream: true })
  }
  yield decoder.decode()
}

/** Lines that are not blank. */
async function* linesOf(texts: AsyncIterable<string>) {
  let rest = ""
  for await (const text of texts) {
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) if (line.trim() !== "") yield line
  }
  if (rest.trim() !== "") yield rest
}

async function* arrayOf(texts: AsyncIterable<string>): AsyncGenerator<unknown> {
  let whole = ""
  for await (const text of texts) whole += text
  const rows: unknown = JSON.parse(whole)
  if (!Array.isArray(rows)) throw new SyntaxError("no array")
  yield* rows
}

async function* parsed(lines: AsyncIterable<string>): AsyncGenerator<unknown> {
  for await (const line of lines) yield JSON.parse(line)
}

const MALFORMED =
  "The body is neither a JSON array nor JSON line by line in UTF-8, or its gzip is broken."

/** Gives each row to `take`, in order. Resolves to how many there were, or to the answer why they cannot be read. */
export const readRows = async (
  request: Request,
  take: (row: unknown, index: number) => void,
): Promise<number | Response> => {
  const format = formatOf(request.headers)
  if (format === undefined) {
    const accept = "application/json, application/x-ndjson"
    return problem("unsupported-media-type", {
      ...{ detail: "Send application/json or application/x-ndjson in UTF-8.", headers: { accept } },
    })
  }
  const body = inflated(request)
  if (body === undefined) {
    const headers = { "accept-encoding": "gzip, identity" }
    return problem("unsupported-encoding", {
      detail: "Send the body as it is, or as gzip.",
      headers,
    })
  }
  const texts = textOf(body)
  let count = 0
  try {
    for await (const row of format === "array" ? arrayOf(texts) : parsed(linesOf(texts))) {
      if (count === ROWS_MAX) return problem("too-many-writes", { headers: CLOSE })
      take(row, count)
      count += 1
    }
  } catch (error) {
    if (error instanceof TooLarge) {
      const detail = `The body is over ${ROWS_MAX_BYTES} bytes, inflated.`
      return problem("body-too-large", { detail, headers: CLOSE })
    }
    const at = format === "lines" ? ` Line ${count + 1} is the first that is none.` : ""
    return problem("malformed-body", { detail: MALFORMED + at })
  }
  return count
}

/** The rest of the body is not read. */
const CLOSE = { connection: "close" }
