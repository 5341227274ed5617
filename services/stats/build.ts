/** Which build this is: the version of the package, and the commit where the image was told of it. */
import manifest from "../../package.json" with { type: "json" }

/** The digits that tell commits apart for people. */
const SHORT = 7

export const buildOf = (commit: string): string =>
  commit === "" ? manifest.version : `${manifest.version} (${commit.slice(0, SHORT)})`
