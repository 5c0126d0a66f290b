import { type Document, isMap, isPair, isScalar, parseDocument, Document as YamlDocument } from 'yaml'
import type { MapProposal, NewMap } from '#contract/map-editor.ts'
import type { MapPoint } from '#contract/point-map.ts'
import { mapId } from '#contract/site-device.ts'
import { EdgeError } from '#contract/errors.ts'
import type { HeardBlock } from '#contract/workbench-listen.ts'
import type { WorkbenchResult } from '#contract/workbench-results.ts'
import type { RegisterFunction } from '../../../pointmap/types.ts'

/** More than so many unknown registers in one text help nobody. */
const mostPoints = 400
const functions: Readonly<Record<number, RegisterFunction>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' }

type Points = Record<string, MapPoint>

/** The text of a new map: its head, and what a job of the workbench has found. Everything it is unsure of says so. */
export function proposeMap(
  request: NewMap,
  from: {
    readonly job?: WorkbenchResult | undefined
    readonly copy?: string | undefined
    /** The point of a map of the library. */
    point(map: string, name: string): MapPoint | undefined
  },
): MapProposal {
  const { maker, model, deviceKind, origin } = request
  const id = `${slug(maker)}/${slug(model)}`
  if (!mapId.safeParse(id).success)
    throw new EdgeError('workbench.refused', `maker and model need a letter or a digit each`)
  const notes: string[] = []
  if (origin.kind === 'copy') return { id, text: copied(from.copy ?? '', maker, model), notes }
  const points: Points = {}
  let head = 'Written by hand.'
  if (origin.kind === 'job') {
    const { job } = from
    if (job?.kind === 'registers') {
      head = `From a scan of unit ${origin.unitId}; what its registers mean is not known yet.`
      for (const span of job.spans)
        if (span.status === 'value')
          for (const index of span.words.keys())
            addUnknown(points, functions[job.fn] ?? 'holding', span.address + index)
    } else if (job?.kind === 'listen') {
      head = `From listening to unit ${origin.unitId}; names are proposals.`
      for (const block of job.map)
        if (block.unitId === origin.unitId && block.access === 'read') addHeard(points, block, from.point)
    } else throw new EdgeError('workbench.refused', 'this job has found no registers')
    if (Object.keys(points).length === 0) throw new EdgeError('workbench.refused', 'this job has found no registers')
    if (Object.keys(points).length >= mostPoints) notes.push(`Only the first ${mostPoints} registers are taken over.`)
    notes.push('Registers without a name are vendor.registerN: name those that you need, and remove the others.')
  } else points['powerW'] = { address: 0 }
  return { id, notes, text: written(request, head, points, deviceKind) }
}

const slug = (words: string): string =>
  words
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 38)

function addUnknown(points: Points, fn: RegisterFunction, address: number): void {
  if (Object.keys(points).length >= mostPoints) return
  const bits = fn === 'coil' || fn === 'discrete'
  const own = fn === 'holding' ? '' : `${fn.charAt(0).toUpperCase()}${fn.slice(1)}`
  points[`vendor.register${own}${address}`] = {
    address,
    ...(fn !== 'holding' && { function: fn }),
    ...(bits && { type: 'bool' }),
  }
}

function addHeard(points: Points, block: HeardBlock, known: (map: string, name: string) => MapPoint | undefined): void {
  const fn = functions[block.fc]
  if (!fn) return
  const covered = new Set<number>()
  for (const { name, address, map, reason } of block.proposed) {
    const described = known(map, name)
    if (!described || described.sunspec || points[name]) continue
    const { pollGroup: _group, note: _note, source: _source, confidence: _confidence, ...place } = described
    points[name] = { ...place, address, function: fn, note: `heard: ${reason}`.slice(0, 400) }
    covered.add(address)
    const count = /(16|32|48|64)$/.exec(described.type ?? '')?.[1]
    for (let index = 1; index < Number(count ?? 16) / 16; index++) covered.add(address + index)
  }
  for (let index = 0; index < block.count; index++)
    if (!covered.has(block.address + index)) addUnknown(points, fn, block.address + index)
}

function written({ maker, model }: NewMap, head: string, points: Points, kind: string): string {
  const document = new YamlDocument({
    format: 1,
    maker,
    model,
    kind,
    defaults: { function: 'holding', type: 'uint16', wordOrder: 'big', confidence: 'field-knowledge' },
    points,
  })
  document.commentBefore = ` yaml-language-server: $schema=../schema.json\n ${head}`
  onePointPerLine(document)
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}

function onePointPerLine(document: Document): void {
  for (const key of ['defaults', 'points']) {
    const node: unknown = document.get(key)
    if (!isMap(node)) continue
    if (key === 'defaults') node.flow = true
    else for (const { value } of node.items) if (isMap(value)) value.flow = true
  }
}

/** The same text for another device: comments and spaces stay. */
function copied(text: string, maker: string, model: string): string {
  const document = parseDocument(text)
  const { contents } = document
  if (!isMap(contents)) throw new EdgeError('workbench.refused', 'the map to copy from is not a mapping')
  const edits = contents.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key) || !isScalar(pair.value) || !pair.value.range) return []
    const insert = { maker, model }[String(pair.key.value)]
    return insert === undefined ? [] : [{ from: pair.value.range[0], to: pair.value.range[1], insert }]
  })
  return edits
    .toReversed()
    .reduce((now, { from, to, insert }) => `${now.slice(0, from)}${JSON.stringify(insert)}${now.slice(to)}`, text)
}
