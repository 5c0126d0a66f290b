/**
 * The few words of Go templates that device templates use: if, else, end, eq, ne, not, values of parameters. A choice that
 * depends on something unknown takes its first branch and is reported. Lines keep their numbers.
 */
export interface Rendered {
  readonly text: string
  /** Conditions that were not known, with the line they stand in, within this text. */
  readonly guessed: readonly { readonly line: number; readonly condition: string }[]
}

/** Stands where a template puts in something that is not known before it is used. */
export const unknownValue = '__template__'

interface Branch {
  /** Text below is part of the result. */
  readonly active: boolean
  /** A branch of this choice was taken already. */
  taken: boolean
  /** The choice itself is reached. */
  readonly reached: boolean
}

export function renderTemplate(text: string, values: ReadonlyMap<string, string>): Rendered {
  const stack: Branch[] = []
  const guessed: { line: number; condition: string }[] = []
  const out: string[] = []
  let line = 1
  let end = 0
  const active = () => stack.every((branch) => branch.active)
  const newlines = (part: string) => {
    const count = part.split('\n').length - 1
    line += count
    return '\n'.repeat(count)
  }
  const add = (part: string) => {
    const blank = newlines(part)
    out.push(active() ? part : blank)
  }
  const decide = (condition: string, reached: boolean): boolean => {
    const known = truth(condition, values)
    if (known === undefined && reached) guessed.push({ line, condition })
    return known ?? true
  }
  for (const match of text.matchAll(/\{\{-?\s*([\s\S]{0,400}?)\s*-?\}\}/g)) {
    add(text.slice(end, match.index))
    end = match.index + match[0].length
    const words = match[1]!
    const [first = ''] = words.split(/[\s(]/, 1)
    if (first === 'if' || first === 'with' || first === 'range') {
      const reached = active()
      const yes = decide(words.slice(first.length).trim(), reached)
      stack.push({ active: yes, taken: yes, reached })
    } else if (first === 'else' && stack.length > 0) {
      const last = stack.pop()!
      const reached = last.reached && !last.taken
      const condition = /^else\s+if\s+(.*)$/s.exec(words)?.[1]
      const yes = !last.taken && (condition === undefined || decide(condition, reached))
      stack.push({ active: yes, taken: last.taken || yes, reached: last.reached })
    } else if (first === 'end') stack.pop()
    else if (active() && !/^(include|define|template|block|\/\*)/.test(words)) out.push(valueOf(words, values))
    out.push(newlines(match[0]))
  }
  add(text.slice(end))
  return { text: out.join(''), guessed }
}

const valueOf = (words: string, values: ReadonlyMap<string, string>): string =>
  (/^\.\w+$/.test(words) ? values.get(words.slice(1)) : undefined) ?? unknownValue

/** Whether a condition holds, as far as the values of the parameters say. */
function truth(condition: string, values: ReadonlyMap<string, string>): boolean | undefined {
  const words = condition.replace(/^\((.*)\)$/s, '$1').trim()
  const compared = /^(eq|ne)\s+\.(\w+)\s+"([^"]*)"$/.exec(words)
  if (compared) {
    const value = values.get(compared[2]!)
    return value === undefined ? undefined : (value === compared[3]) === (compared[1] === 'eq')
  }
  const negated = /^not\s+\(?\.(\w+)\)?$/.exec(words)
  const name = negated?.[1] ?? /^\.(\w+)$/.exec(words)?.[1]
  const value = name === undefined ? undefined : values.get(name)
  if (value === undefined) return undefined
  const yes = !['', '0', 'false'].includes(value)
  return negated ? !yes : yes
}
