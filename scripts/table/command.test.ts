import { expect, test } from "vitest"
import { readCommand, TableError } from "./command.ts"

const read = (line: string) => readCommand(line.split(" ").filter((word) => word !== ""))

test("a command is a table, and what becomes of it", () => {
  expect(read("page_views --from postgres")).toEqual({ name: "page_views", does: "declare" })
  expect(read("--sql page_views")).toEqual({ name: "page_views", does: "print" })
  expect(read("page_views --sql --write")).toEqual({ name: "page_views", does: "write" })
})

test.each(["", "-h", "--help", "page_views --sql --help"])("asks for help: %s", (line) => {
  expect(read(line)).toBeNull()
})

test.each([
  ["page_views", "one of --from postgres and --sql is needed"],
  ["page_views --write", "one of --from postgres and --sql is needed"],
  ["page_views --sql --from postgres", "one of --from postgres and --sql is needed"],
  ["page_views --from postgres --write", "--write goes with --sql"],
  ["page_views --from mysql", "--from takes postgres alone"],
  ["page_views --from", "Option '--from <value>' argument missing"],
  ["page_views --sq", "Unknown option '--sq'"],
  ["--sql", "no table is named"],
  ["a b --sql", "one table at a time: a or b"],
  ["public.a --sql", '"public.a" is no name: letters, digits and underscores are'],
])("is refused: %s", (line, sentence) => {
  expect(() => read(line)).toThrow(new TableError(sentence))
})
