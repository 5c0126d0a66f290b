import { Document, isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml'
import { EdgeError } from '#contract/errors.ts'
import type { SetupAnswers } from '#contract/setup.ts'
import { site, siteVersion } from '#contract/site.ts'
import { keepWriting } from './keep-writing.ts'
import { mergeDocument, writeListsInLine } from './merge-document.ts'
import { recordOf } from './places.ts'
import { createShortener } from './without-defaults.ts'

/** Written above the parts of a new file. */
const comments: Readonly<Record<string, string>> = {
  timeZone: ' Tariffs follow the clock of this zone.',
  grids:
    ' Each grid with its tree of fuses. "meter" names the device that measures a circuit: a limit without one cannot be kept.\n' +
    ' Limits in W and A; maxExportW: 0 allows no export at all.',
  economics: ' What is preferred within the limits. Prices per kWh; powers in W.',
  controllers: ' Edges that may control this site, in the order of fail-over: the first that is healthy controls.',
  devices:
    ' How each device is reached, what it is for, and its limits. "phases" are the phases of the grid at the terminals of the\n' +
    ' device: [l2, l3, l1] is a rotated connection. What is proven on site is noted under "verified" later.',
}
const head =
  ' Written by the setup wizard of R-EMS. Edit it freely: the wizard keeps comments and order when it changes something.'

const shorten = createShortener(site)

/** What the wizard has no question for stays as the file says it. */
function keeps(path: readonly string[], key: string): boolean {
  if (path.length === 0) return ['cycleMs', 'ties', 'signals'].includes(key)
  return path.length === 1 && path[0] === 'devices' && key === 'verified'
}

/**
 * Text of site.yaml with these answers: a new one, or the old text with only what differs changed. The same answers give the
 * same bytes. Throws config.invalid when the old text is no YAML.
 */
export function siteText(answers: SetupAnswers, old?: string): string {
  const { installation, grids, economics, controllers, devices } = answers
  const full = {
    version: siteVersion,
    name: installation.name,
    timeZone: installation.timeZone,
    grids,
    economics,
    controllers,
    devices,
  }
  const short = recordOf(shorten(full))
  if (old === undefined) return newText(short)
  const document = parseDocument(old, { keepSourceTokens: true })
  if (document.errors[0] || !isMap(document.contents))
    throw new EdgeError('config.invalid', `site.yaml cannot be read: ${document.errors[0]?.message ?? 'it is empty'}`)
  const writing = { lineWidth: 0, flowCollectionPadding: old.includes('{ ') }
  const before = document.toString(writing)
  mergeDocument(document, { full, short }, keeps)
  return keepWriting(old, before, document.toString(writing))
}

function newText(short: Readonly<Record<string, unknown>>): string {
  const { version, name, timeZone, grids, economics, controllers, devices } = short
  const ordered = { version, name, timeZone, grids, economics, controllers, devices }
  const document = new Document(Object.fromEntries(Object.entries(ordered).filter(([, value]) => value !== undefined)))
  document.commentBefore = head
  if (isMap(document.contents))
    for (const pair of document.contents.items) {
      if (!isPair(pair) || !isScalar(pair.key)) continue
      const comment = comments[String(pair.key.value)]
      if (comment === undefined) continue
      pair.key.commentBefore = comment
      pair.key.spaceBefore = true
      if (isSeq(pair.value))
        for (const [at, item] of pair.value.items.entries()) if (isMap(item) && at > 0) item.spaceBefore = true
    }
  writeListsInLine(document.contents)
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}
