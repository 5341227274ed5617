/** A temporary directory that stores can use under any account, and that goes away again. */
import { chmod, mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { removeOutside } from "./account.ts"

export interface Directory {
  readonly path: string
  remove(): Promise<void>
}

export const temporaryDirectory = async (): Promise<Directory> => {
  const path = await mkdtemp(join(await realpath(tmpdir()), "write-buffer-"))
  // Passable, not readable: as root, PostgreSQL runs as another user and must reach its own folder.
  await chmod(path, 0o711)
  return {
    path,
    remove: async () => {
      // A server killed a moment ago may still write: try again for up to 2 s.
      await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 10 })
      await removeOutside(path)
    },
  }
}
