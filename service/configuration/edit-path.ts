/** Keys and numbers of entries from the top of a file. */
export type EditPath = readonly (string | number)[]

/** A place that cannot be edited by a program, and why. */
export class NotEditable extends Error {
  override readonly name = 'NotEditable'
  readonly offset: number

  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

/** A value inside as many mappings as the path has keys; undefined stays undefined. */
export function nested(path: EditPath, value: unknown): unknown {
  if (value === undefined) return undefined
  let result = value
  for (const part of path.toReversed()) {
    if (typeof part === 'number') {
      if (part !== 0) throw new NotEditable(0, `there is no list with ${part} entries to put it behind`)
      result = [result]
    } else result = { [part]: result }
  }
  return result
}

export function isEmpty(value: object): boolean {
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0
}
