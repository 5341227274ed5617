import { spawn } from "node:child_process"
import { chmod, cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { delimiter, join } from "node:path"
import process from "node:process"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { beforeEach, expect, onTestFinished, test } from "vitest"
import { temporaryDirectory } from "../servers/directory.ts"

const lock = {
  packages: {
    "": { name: "checkout" },
    "node_modules/one": { version: "1.0.0" },
    "node_modules/other-platform": { version: "1.0.0", optional: true },
  },
}

/** Stands in for npm: notes each call, and installs in 0.3 s what the real one would. */
const NPM = `#!/bin/sh
echo "$*" >> calls
[ -e broken ] && { echo "no network" >&2; exit 7; }
sleep 0.3
mkdir -p node_modules/.bin
[ -e blocked ] || ln -sf "$OWN_NODE" node_modules/.bin/node
echo '{"packages":{"node_modules/one":{"version":"1.0.0"}}}' > node_modules/.package-lock.json
`

let root: string
beforeEach(async () => {
  const directory = await temporaryDirectory()
  onTestFinished(directory.remove)
  root = directory.path
  await mkdir(join(root, "scripts"))
  await mkdir(join(root, "bin"))
  await cp(fileURLToPath(new URL("../setup.js", import.meta.url)), join(root, "scripts/setup.mjs"))
  await writeFile(join(root, "package-lock.json"), JSON.stringify(lock))
  await writeFile(join(root, "bin/npm"), NPM)
  await chmod(join(root, "bin/npm"), 0o755)
})

const setUp = async () => {
  const child = spawn(process.execPath, [join(root, "scripts/setup.mjs")], {
    env: {
      PATH: `${join(root, "bin")}${delimiter}/usr/bin${delimiter}/bin`,
      OWN_NODE: process.execPath,
    },
  })
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { out, err, code }
}

const calls = async () => (await readFile(join(root, "calls"), "utf8")).trim().split("\n")

test("it installs once, says so, and is silent from then on", async () => {
  const first = await setUp()
  expect(first.out).toMatch(/^Installing dependencies \(.*\) \.\.\.\nInstalled in \d+ s\.\n$/)
  expect(await setUp()).toEqual({ out: "", err: "", code: 0 })
  expect(await calls()).toEqual([expect.stringMatching(/^install --no-save --include=dev/)])
})

test("it installs again when the lockfile asks for another version", async () => {
  await setUp()
  const other = { packages: { ...lock.packages, "node_modules/one": { version: "1.0.1" } } }
  await writeFile(join(root, "package-lock.json"), JSON.stringify(other))
  expect((await setUp()).out).toContain("Installing")
})

test("of two at once, one installs and the other waits for it", async () => {
  const both = await Promise.all([setUp(), setUp()])
  expect(both.map(({ code }) => code)).toEqual([0, 0])
  expect(both.map(({ out }) => out).join()).toContain("Waiting for another installation")
  expect(await calls()).toHaveLength(1)
})

test("an installation that was killed does not block the next", async () => {
  await mkdir(join(root, "node_modules"))
  await writeFile(join(root, "node_modules/.write-buffer-setup"), "999999999")
  expect((await setUp()).code).toBe(0)
})

test("a failed npm is shown with its own words, and does not block the next", async () => {
  await writeFile(join(root, "broken"), "")
  expect(await setUp()).toMatchObject({
    code: 1,
    err: "The dependencies cannot be installed: npm install exited with 7\nno network\n\n",
  })
  await rm(join(root, "broken"))
  expect((await setUp()).code).toBe(0)
})

test("install scripts that are switched off get one clear line", async () => {
  await writeFile(join(root, "blocked"), "")
  const { code, err } = await setUp()
  expect(code).toBe(1)
  expect(err).toContain("npm rebuild --ignore-scripts=false")
})

test("an old Node as the project's own is not taken for the right one", async () => {
  await setUp()
  const node = join(root, "node_modules/.bin/node")
  await rm(node)
  await writeFile(join(root, "old"), "#!/bin/sh\necho v20.11.1\n", { mode: 0o755 })
  await symlink(join(root, "old"), node)
  expect((await setUp()).code).toBe(1)
})
