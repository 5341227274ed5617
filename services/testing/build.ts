/** Other builds of the project, in folders of their own. */
import { execFileSync, spawnSync } from "node:child_process"
import { cp, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("../../", import.meta.url))

/** What the processes of the services read. */
const FILES = ["package.json", "shared", "services"]

/** The last commit whose processes know of one list alone. */
const ONE_LIST = "129877b"

const makeFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), "write-buffer-build-"))
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"))
  return { folder, remove: () => rm(folder, { recursive: true }) }
}

/** With newer tables: `tables` is the text of its shared/tables.ts; the one that it had is "./former.ts" beside it. */
export const makeBuild = async (tables: string) => {
  const build = await makeFolder()
  const { folder } = build
  for (const file of FILES) await cp(join(ROOT, file), join(folder, file), { recursive: true })
  await rename(join(folder, "shared/tables.ts"), join(folder, "shared/former.ts"))
  await writeFile(join(folder, "shared/tables.ts"), tables)
  return build
}

/** Not where only the newest commit was fetched. */
export const hasOneListBuild =
  spawnSync("git", ["cat-file", "-e", `${ONE_LIST}^{commit}`], { cwd: ROOT }).status === 0

/** As the project was before there were shards. */
export const makeOneListBuild = async () => {
  const build = await makeFolder()
  const archive = execFileSync("git", ["archive", ONE_LIST, ...FILES], {
    ...{ cwd: ROOT, maxBuffer: 64 * 1024 * 1024 },
  })
  execFileSync("tar", ["-x", "-C", build.folder], { input: archive })
  return build
}
