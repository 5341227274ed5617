/** A mistake that somebody could make in the source, and the test that has to find it. */

/** Exact texts; that they are there once is checked, so that a mutation never grows stale in silence. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}

export interface Mutation {
  readonly name: string
  readonly edits: ReadonlyArray<Edit>
  /** The file of the test and its sentence. */
  readonly caughtBy: readonly [file: string, test: string]
}

export const edit = (file: string, from: string, to: string): Edit => ({ file, from, to })
