/**
 * The body of a POST as JSON, or the answer why not, in the order of what is known first: media type,
 * coding, length, the bytes themselves (never more of them in memory than a write can have), UTF-8, JSON.
 */
import { MIMEType } from "node:util"
import { problem } from "./answer.ts"

/**
 * Whether it says JSON in UTF-8, by whichever of its names. No other parameter has a meaning here. A type
 * that ends in +json is another format, which happens to be written as JSON: no write is meant by it.
 */
const isJson = (type: string): boolean => {
  if (type === "application/json") return true
  try {
    const { essence, params } = new MIMEType(type)
    const charset = params.get("charset") ?? "utf-8"
    return essence === "application/json" && new TextDecoder(charset).encoding === "utf-8"
  } catch {
    // No media type, or no charset that anybody knows.
    return false
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true })

const tooLarge = () => problem("body-too-large", { headers: { connection: "close" } })

const isUnsupported = (headers: Headers): Response | null => {
  if (!isJson(headers.get("content-type") ?? "")) {
    return problem("unsupported-media-type", { headers: { accept: "application/json" } })
  }
  const coding = headers.get("content-encoding")
  // Nothing is inflated here, so there is no bomb to defend against.
  if (coding !== null && coding.toLowerCase() !== "identity") {
    return problem("unsupported-encoding", { headers: { "accept-encoding": "identity" } })
  }
  return null
}

/** All bytes, or null when there are more than allowed; then the rest is not read. */
const readChunks = async (request: Request, maxBytes: number): Promise<Uint8Array | null> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) return null
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

export const readBody = async (
  request: Request,
  maxBytes: number,
): Promise<{ readonly json: unknown } | Response> => {
  const unsupported = isUnsupported(request.headers)
  if (unsupported) return unsupported
  const length = request.headers.get("content-length")
  if (length !== null && Number(length) > maxBytes) return tooLarge()
  let bytes: ArrayBuffer | Uint8Array | null
  try {
    bytes = length === null ? await readChunks(request, maxBytes) : await request.arrayBuffer()
  } catch {
    return problem("malformed-body", { detail: "The body ended before it was complete." })
  }
  if (bytes === null || bytes.byteLength > maxBytes) return tooLarge()
  try {
    return { json: JSON.parse(decoder.decode(bytes)) }
  } catch {
    return problem("malformed-body")
  }
}
