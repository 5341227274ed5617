/**
 * The rows of a body with many: a JSON array, or NDJSON, a row a line, which is read as it comes; either also
 * gzip'd. Never more in memory than one body may have inflated, whatever is sent; a bomb ends there.
 */
import { pipeline } from "node:stream"
import { MIMEType } from "node:util"
import { createGunzip } from "node:zlib"
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

/** Whether the bytes are gzip'd; undefined when the coding is none that is known. */
const isGzip = (headers: Headers): boolean | undefined => {
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity"
  if (coding === "identity" || coding === "") return false
  return coding === "gzip" || coding === "x-gzip" ? true : undefined
}

class TooLarge extends Error {}

/** The message says where, if that is known. */
class Malformed extends Error {}

/** Its sender went away, or is too slow. */
class Gone extends Error {}

/** As long as a server gives a request; on Deno it does not, to one whose client went away. */
const READING_MILLIS = 10_000

type Chunks = AsyncIterable<Uint8Array>

/** @throws Gone, or what is wrong with the bytes. */
async function* chunksOf({ body, signal }: Request): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader()
  const end = AbortSignal.any([signal, AbortSignal.timeout(READING_MILLIS)])
  // A read that is under way ends with it as if the body did.
  const cancel = () => void reader?.cancel().catch(() => {})
  end.addEventListener("abort", cancel)
  try {
    while (reader) {
      const { done, value } = await reader.read()
      if (end.aborted) throw new Gone()
      if (done) return
      yield value
    }
  } finally {
    end.removeEventListener("abort", cancel)
    cancel()
  }
}

/**
 * What a gzip holds, which may have several members (RFC 1952, 2.2), as `gzip a b | cat` writes them: a
 * DecompressionStream reads one alone. @throws what is wrong with the bytes, or their reading.
 */
async function* gunzipped(chunks: Chunks): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  let size = 0
  const counted = async function* () {
    for await (const chunk of chunks) {
      size += chunk.byteLength
      yield chunk
    }
  }
  // Who reads from it is told what goes wrong.
  pipeline(counted(), gunzip, () => {})
  yield* gunzip
  // It passes over what follows zeros, where rows could be lost.
  if (gunzip.bytesWritten < size) throw new Malformed()
}

/** Small chunks are put together up to this size: a client may send its bytes one by one. */
const PIECE_BYTES = 64 * 1_024

/** The text of a body, piece by piece. @throws TooLarge, Gone, or what is wrong with the bytes. */
async function* textOf(chunks: Chunks) {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  const piece = new Uint8Array(PIECE_BYTES)
  let filled = 0
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.byteLength
    if (size > ROWS_MAX_BYTES) throw new TooLarge()
    if (filled + chunk.byteLength > PIECE_BYTES) {
      yield decoder.decode(piece.subarray(0, filled), { stream: true })
      filled = 0
    }
    if (chunk.byteLength > PIECE_BYTES) yield decoder.decode(chunk, { stream: true })
    else {
      piece.set(chunk, filled)
      filled += chunk.byteLength
    }
  }
  yield decoder.decode(piece.subarray(0, filled))
}

const parseLine = (line: string, number: number): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    throw new Malformed(`Line ${number} is the first that is none.`)
  }
}

/** The lines but blank ones, of which 8 MiB may consist. Each piece is searched once, however long a line is. */
async function* ofLines(texts: AsyncIterable<string>): AsyncGenerator<unknown> {
  let rest = ""
  let number = 1
  for await (const text of texts) {
    let from = 0
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      if (rest !== "" || end > from) {
        const line = rest + text.slice(from, end)
        rest = ""
        if (line.trim() !== "") yield parseLine(line, number)
      }
      number += 1
      from = end + 1
    }
    rest += text.slice(from)
  }
  if (rest.trim() !== "") yield parseLine(rest, number)
}

async function* ofArray(texts: AsyncIterable<string>): AsyncGenerator<unknown> {
  let whole = ""
  for await (const text of texts) whole += text
  const rows: unknown = JSON.parse(whole)
  if (!Array.isArray(rows)) throw new Malformed()
  yield* rows
}

/** @throws TooLarge, Gone or Malformed, and nothing else. */
async function* rowsOf(format: "array" | "lines", texts: AsyncIterable<string>) {
  try {
    yield* format === "array" ? ofArray(texts) : ofLines(texts)
  } catch (error) {
    const isKnown = [TooLarge, Gone, Malformed].some((known) => error instanceof known)
    throw isKnown ? error : new Malformed()
  }
}

const MALFORMED =
  "The body is neither a JSON array nor JSON line by line in UTF-8, or its gzip is broken."

/** The rest of the body is not read. */
const CLOSE = { connection: "close" }

const unsupportedType = () =>
  problem("unsupported-media-type", {
    detail: "Send application/json or application/x-ndjson in UTF-8.",
    headers: { accept: "application/json, application/x-ndjson" },
  })

const unsupportedCoding = () =>
  problem("unsupported-encoding", {
    detail: "Send the body as it is, or as gzip.",
    headers: { "accept-encoding": "gzip, identity" },
  })

/**
 * Gives each row to `take`, in order. Resolves to how many there were, or to the answer why they cannot be
 * read. @throws what `take` throws.
 */
export const readRows = async (
  request: Request,
  take: (row: unknown, index: number) => void,
): Promise<number | Response> => {
  const format = formatOf(request.headers)
  if (format === undefined) return unsupportedType()
  const isZipped = isGzip(request.headers)
  if (isZipped === undefined) return unsupportedCoding()
  const chunks = chunksOf(request)
  let count = 0
  try {
    for await (const row of rowsOf(format, textOf(isZipped ? gunzipped(chunks) : chunks))) {
      if (count === ROWS_MAX) return problem("too-many-writes", { headers: CLOSE })
      take(row, count)
      count += 1
    }
  } catch (error) {
    if (error instanceof TooLarge) {
      const detail = `The body is over ${ROWS_MAX_BYTES} bytes, inflated.`
      return problem("body-too-large", { detail, headers: CLOSE })
    }
    if (error instanceof Gone) return problem("request-timeout", { headers: CLOSE })
    if (!(error instanceof Malformed)) throw error
    return problem("malformed-body", { detail: `${MALFORMED} ${error.message}`.trim() })
  }
  return count
}
