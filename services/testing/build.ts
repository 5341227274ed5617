/** Another build of the project, whose tables are newer: a copy of its files in a folder of its own. */
import { cp, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("../../", import.meta.url))

/** What the processes of the services read. */
const FILES = ["package.json", "shared", "services"]

/** `tables` is the text of its shared/tables.ts; the one that it had is "./former.ts" beside it. */
export const makeBuild = async (tables: string) => {
  const folder = await mkdtemp(join(tmpdir(), "write-buffer-build-"))
  for (const file of FILES) await cp(join(ROOT, file), join(folder, file), { recursive: true })
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"))
  await rename(join(folder, "shared/tables.ts"), join(folder, "shared/former.ts"))
  await writeFile(join(folder, "shared/tables.ts"), tables)
  return { folder, remove: () => rm(folder, { recursive: true }) }
}
