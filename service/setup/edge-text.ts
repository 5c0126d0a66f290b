import { Document, isMap, isPair, isScalar, parseDocument } from 'yaml'
import { EdgeError } from '#contract/errors.ts'
import type { SetupAnswers } from '#contract/setup.ts'
import { keepWriting } from './keep-writing.ts'
import { mergeDocument, writeListsInLine } from './merge-document.ts'
import { valueAt, withValue, type Place } from './places.ts'

/** Which answer is which key of edge.yaml. */
const keys: readonly (readonly [answer: Place, key: Place, preset?: unknown])[] = [
  [['installation', 'mode'], ['mode'], 'production'],
  [['network', 'port'], ['port'], 8080],
  [['network', 'listen'], ['listen']],
  [['network', 'tlsNames'], ['tlsNames'], []],
  [
    ['license', 'path'],
    ['license', 'path'],
  ],
]

const comments: Readonly<Record<string, string>> = {
  mode: ' production: real devices only. simulation: only simulated ones are written to. hybrid: simulated ones beside real ones.',
  port: ' Web UI and API for programs on this machine.',
  listen: ' HTTPS for browsers and apps on the network.',
  tlsNames: ' More names for the certificate.',
  license: ' Commissioning, simulation and all safety control need no licence.',
}
const head =
  ' Settings of this installation. They stay on this edge and never travel with the site. Written by the setup wizard of\n' +
  ' R-EMS; edit them freely.'

/** Text of edge.yaml with these answers: new, or the old text with only what differs changed. Throws config.invalid. */
export function edgeText(answers: SetupAnswers, old?: string): string {
  const chosen = (all: boolean): object => {
    let value: unknown = {}
    for (const [from, to, preset] of keys) {
      const answer = valueAt(answers, from)
      // A mapping that nothing is left in shows that its keys are to go.
      if (all && to.length > 1) value = withValue(value, to.slice(0, -1), valueAt(value, to.slice(0, -1)) ?? {})
      const plain = JSON.stringify(answer) === JSON.stringify(preset)
      if (answer !== undefined && (all || !plain || to[0] === 'mode' || to[0] === 'port'))
        value = withValue(value, to, answer)
    }
    return typeof value === 'object' && value !== null ? value : {}
  }
  if (old === undefined || old.trim() === '') return newText(chosen(false))
  const document = parseDocument(old, { keepSourceTokens: true })
  if (document.errors[0] || !isMap(document.contents))
    throw new EdgeError(
      'config.invalid',
      `edge.yaml cannot be read: ${document.errors[0]?.message ?? 'it has no keys'}`,
    )
  const writing = { lineWidth: 0, flowCollectionPadding: old.includes('{ ') }
  const before = document.toString(writing)
  const asked = new Set(keys.map(([, to]) => to.join('.')))
  mergeDocument(
    document,
    { full: chosen(true), short: chosen(false) },
    (path, key) => !asked.has([...path, key].join('.')),
  )
  return keepWriting(old, before, document.toString(writing))
}

function newText(values: object): string {
  const document = new Document(values)
  document.commentBefore = head
  if (isMap(document.contents))
    for (const pair of document.contents.items) {
      if (!isPair(pair) || !isScalar(pair.key)) continue
      pair.key.spaceBefore = true
      pair.key.commentBefore = comments[String(pair.key.value)] ?? null
    }
  writeListsInLine(document.contents)
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** The answers that an edge.yaml holds, as far as it says anything. */
export function edgeAnswers(edge: unknown): unknown {
  let answers: unknown = {}
  for (const [answer, key] of keys) {
    const value = valueAt(edge, key)
    if (value !== undefined && value !== null) answers = withValue(answers, answer, value)
  }
  return answers
}
