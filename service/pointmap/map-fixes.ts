import { type Document, isNode, isScalar, isSeq, type Pair, parseDocument, visit, type YAMLMap } from 'yaml'
import type { TextEdit } from '#contract/map-editor.ts'
import { nearest } from '../domain/nearest.ts'
import type { YamlProblem } from '../domain/yaml-source.ts'

export interface MapFix {
  /** What it does, in words. */
  readonly title: string
  readonly edits: readonly TextEdit[]
}

/** Finds the one change of the text that would cure a problem, where there is no doubt what that is. */
export function createFixer(text: string): (problem: YamlProblem) => MapFix | undefined {
  const starts = lineStarts(text)
  let document: Document | undefined
  const parsed = (): Document => (document ??= parseDocument(text, { uniqueKeys: false, prettyErrors: false }))
  return (problem) => {
    const at = (starts[problem.line - 1] ?? text.length) + problem.column - 1
    return (
      respelled(text, at, problem) ??
      decimalPoint(text, at, problem) ??
      spacesForTabs(text, starts[problem.line - 1] ?? 0, problem) ??
      withoutKey(text, at, problem, parsed) ??
      rightWayRound(text, at, problem, parsed)
    )
  }
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** A word as it stands in the text, with its quotes. */
const wordAt = (text: string, at: number): string =>
  /^("[^"\n]*"|'[^'\n]*'|[^\s,:{}[\]#]+)/.exec(text.slice(at, at + 200))?.[0] ?? ''

function respelled(text: string, at: number, { message, allowed }: YamlProblem): MapFix | undefined {
  const wanted = /did you mean "([^"]+)"\?/.exec(message)?.[1]
  if (wanted === undefined || !(allowed ?? [wanted]).includes(wanted)) return undefined
  // A name of several words, such as voltageVv.l1, has only its stray word replaced.
  const said = /"([^"]+)"/.exec(message)?.[1] ?? ''
  const stray = said.split('.').find((part) => part !== wanted && nearest(part, [wanted]) === wanted) ?? said
  const inside = wordAt(text, at).indexOf(stray)
  if (stray === '' || inside < 0) return undefined
  const from = at + inside
  return { title: `${stray} → ${wanted}`, edits: [{ from, to: from + stray.length, insert: wanted }] }
}

function decimalPoint(text: string, at: number, { message }: YamlProblem): MapFix | undefined {
  // In a flow mapping, scale: 0,1 is a scale of 0 and a key 1.
  const rest = /^unknown key "(\d+)"$/.exec(message)?.[1]
  const whole = rest === undefined ? undefined : /(-?\d+), *$/.exec(text.slice(Math.max(0, at - 20), at))
  if (rest !== undefined && whole) {
    const insert = `${whole[1]}.${rest}`
    const from = at - whole[0].length
    return { title: `${whole[1]},${rest} → ${insert}`, edits: [{ from, to: at + rest.length, insert }] }
  }
  const said = /^expected a number, found the text "(-?\d+,\d+)"/.exec(message)?.[1]
  if (said === undefined) return undefined
  const word = /^("[^"\n]*"|'[^'\n]*'|-?\d+,\d+)/.exec(text.slice(at, at + 60))?.[0]
  if (word === undefined) return undefined
  const insert = said.replace(',', '.')
  return { title: `${said} → ${insert}`, edits: [{ from: at, to: at + word.length, insert }] }
}

function spacesForTabs(text: string, start: number, { message }: YamlProblem): MapFix | undefined {
  if (!/tab/i.test(message)) return undefined
  const indent = /^[ \t]*\t[ \t]*/.exec(text.slice(start, start + 200))?.[0]
  if (indent === undefined) return undefined
  const insert = indent.replaceAll('\t', '  ')
  return { title: 'Tab → 2 spaces', edits: [{ from: start, to: start + indent.length, insert }] }
}

const superfluous = /; remove it$|has no word order$|are in order already|is not a number and cannot be scaled$/

function withoutKey(text: string, at: number, { message }: YamlProblem, parsed: () => Document): MapFix | undefined {
  if (!superfluous.test(message)) return undefined
  const found = pairAt(parsed(), at)
  if (!found) return undefined
  const { map, index } = found
  const range = (pair: Pair | undefined): readonly [number, number] | undefined => {
    const from = isNode(pair?.key) ? pair.key.range?.[0] : undefined
    const to = isNode(pair?.value) ? pair.value.range?.[1] : undefined
    return from === undefined || to === undefined ? undefined : [from, to]
  }
  const own = range(map.items[index])
  const [before, next] = [range(map.items[index - 1]), range(map.items[index + 1])]
  if (!own) return undefined
  const title = `Remove ${text.slice(own[0], own[1])}`.slice(0, 120)
  if (map.flow) {
    const edit = before ? { from: before[1], to: own[1] } : next ? { from: own[0], to: next[0] } : undefined
    return edit && { title, edits: [{ ...edit, insert: '' }] }
  }
  const from = text.lastIndexOf('\n', own[0]) + 1
  const end = text.indexOf('\n', own[1])
  return { title, edits: [{ from, to: end < 0 ? text.length : end + 1, insert: '' }] }
}

/** The pair of a mapping whose key or value begins at a place. */
function pairAt(document: Document, at: number): { readonly map: YAMLMap; readonly index: number } | undefined {
  let found: { map: YAMLMap; index: number } | undefined
  visit(document, {
    Map(_key, map) {
      const index = map.items.findIndex(({ key, value }) =>
        [key, value].some((node) => isNode(node) && node.range?.[0] === at),
      )
      if (index < 0) return undefined
      found = { map, index }
      return visit.BREAK
    },
  })
  return found
}

function rightWayRound(text: string, at: number, { message }: YamlProblem, parsed: () => Document): MapFix | undefined {
  if (!message.endsWith('runs backwards')) return undefined
  const found = pairAt(parsed(), at)
  const seq = found?.map.items[found.index]?.value
  if (!isSeq(seq)) return undefined
  const [low, high] = seq.items.map((item) => (isScalar(item) ? item.range : undefined))
  if (!low || !high) return undefined
  const [first, second] = [text.slice(low[0], low[1]), text.slice(high[0], high[1])]
  return {
    title: `[${second}, ${first}]`,
    edits: [
      { from: low[0], to: low[1], insert: second },
      { from: high[0], to: high[1], insert: first },
    ],
  }
}
