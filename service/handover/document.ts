import type { HandoverReport } from '#contract/handover.ts'
import { type Block, cell, mono, type ReportDocument } from './blocks.ts'
import { checkBlocks, failsafeBlocks, writeBlocks } from './proof-blocks.ts'
import { fill, textsOf } from './texts.ts'
import { type Wording, wordingOf } from './wording.ts'

/** Lays a report out in its language. `hash` is what its files are known by; printed on every page. */
export function documentOf(report: HandoverReport, hash: string): ReportDocument {
  const { draft, site, createdAtMs, timeZone, signatures, edge } = report
  const t = textsOf(draft.language)
  const wording = wordingOf(draft.language, timeZone, t)
  return {
    language: draft.language,
    title: t.title,
    subtitle: `${site.name} · ${t.created} ${wording.time(createdAtMs)}`,
    logo: draft.logo,
    footer: `${site.name} · ${edge.id} · R-EMS ${edge.version} · SHA-256 ${hash}`,
    blocks: [
      ...(signatures.length === 0 ? [{ kind: 'text', text: t.draft, tone: 'warn' } as const] : []),
      ...(site.demo ? [{ kind: 'text', text: t.demo, tone: 'warn' } as const] : []),
      ...siteBlocks(report, wording),
      ...deviceBlocks(report, wording),
      ...busBlocks(report, wording),
      ...settingBlocks(report, wording),
      ...checkBlocks(report, wording),
      ...failsafeBlocks(report, wording),
      ...writeBlocks(report, wording),
      ...openBlocks(report, wording),
      ...configurationBlocks(report, wording),
      {
        kind: 'signatures',
        title: t.signatures,
        people: signatures.length > 0 ? signatures : draft.people.map(({ name, role }) => ({ name, role })),
      },
    ],
  }
}

function siteBlocks({ draft, site, edge, timeZone, parts }: HandoverReport, { t, word }: Wording): Block[] {
  return [
    { kind: 'heading', level: 1, text: t.site },
    {
      kind: 'facts',
      rows: [
        [t.siteName, { text: site.name, bold: true }],
        [t.address, cell(draft.address)],
        [t.customer, cell(draft.customer)],
        [t.project, cell(draft.project)],
        [t.company, cell(draft.company)],
        [t.edge, mono(edge.id)],
        [t.version, cell(edge.version)],
        [t.mode, cell(word(edge.mode))],
        [t.timeZone, cell(timeZone)],
      ],
    },
    ...(draft.people.length === 0
      ? []
      : [
          { kind: 'heading', level: 2, text: t.people } as const,
          {
            kind: 'table',
            columns: [{ title: t.role }, { title: t.name }, { title: t.firm }],
            rows: draft.people.map(({ role, name, company }) => [cell(role), cell(name), cell(company)]),
          } as const,
        ]),
    ...(draft.remarks === ''
      ? []
      : [{ kind: 'heading', level: 2, text: t.remarks } as const, { kind: 'text', text: draft.remarks } as const]),
    { kind: 'heading', level: 2, text: t.parts },
    {
      kind: 'table',
      columns: [{ title: t.part }, { title: t.done, align: 'right', width: 0.2 }, { title: t.state, width: 0.2 }],
      rows: parts.map(({ id, state, done, total }) => [
        cell(t[`part_${id}`]),
        cell(total === 0 ? '' : done === total ? total : `${done} ${t.of} ${total}`),
        state === 'ready' ? cell(t.ready, 'good') : cell(t.open, 'warn'),
      ]),
    },
  ]
}

function deviceBlocks({ devices }: HandoverReport, { t, time, word }: Wording): Block[] {
  const verified = devices.flatMap((device) => device.verified.map((proof) => ({ device, proof })))
  return [
    { kind: 'heading', level: 1, text: t.devices },
    {
      kind: 'table',
      columns: [
        { title: t.device },
        { title: t.maker },
        { title: t.serial },
        { title: t.firmware },
        { title: t.reach, width: 0.24 },
        { title: t.points, align: 'right', width: 0.11 },
        { title: t.link, width: 0.09 },
      ],
      rows: devices.map((device) => [
        { text: device.simulated ? `${device.name} (${t.simulated})` : device.name, bold: true },
        cell([device.vendor, device.model].filter(Boolean).join(' ')),
        cell(device.serial),
        cell(device.firmware),
        mono(`${device.connection} #${device.unitId}`),
        cell(`${device.points.good}/${device.points.total}`),
        cell(word(device.link), device.link === 'online' ? 'good' : 'warn'),
      ]),
    },
    ...table(
      t.readFrom,
      [{ title: t.device, width: 0.2 }, { title: t.what, width: 0.2 }, { title: t.registers }],
      devices.flatMap((device) =>
        device.readFrom.map(({ point, address, raw }) => [
          cell(device.name),
          cell(word(point)),
          mono(`${address}: ${raw}`),
        ]),
      ),
    ),
    ...table(
      t.verified,
      [
        { title: t.device, width: 0.18 },
        { title: t.what, width: 0.28 },
        { title: t.who, width: 0.16 },
        { title: t.when, width: 0.18 },
        { title: t.how },
      ],
      verified.map(({ device, proof }) => [
        cell(device.name),
        cell(`${t[proof.kind]} ${proof.of}`),
        cell(proof.by),
        cell(proof.atMs === undefined ? undefined : time(proof.atMs)),
        cell(proof.how),
      ]),
    ),
  ]
}

function busBlocks({ buses }: HandoverReport, { t, number }: Wording): Block[] {
  return [
    { kind: 'heading', level: 1, text: t.buses },
    {
      kind: 'table',
      columns: [
        { title: t.bus, width: 0.3 },
        { title: t.busDevices, align: 'right' },
        { title: t.requests, align: 'right' },
        { title: t.failures, align: 'right' },
        { title: t.median, align: 'right' },
        { title: t.slowest, align: 'right' },
        { title: t.reopened, align: 'right' },
      ],
      rows: buses.map((bus) => [
        mono(bus.name),
        cell(bus.devices),
        cell(number(bus.requests)),
        cell(
          `${number(bus.failures)} (${number(bus.requests === 0 ? 0 : (100 * bus.failures) / bus.requests, '%')})`,
          bus.failures * 100 > bus.requests ? 'warn' : undefined,
        ),
        cell(number(bus.medianMs, 'ms')),
        cell(number(bus.slowestMs, 'ms')),
        cell(bus.opens),
      ]),
    },
  ]
}

function settingBlocks({ settings }: HandoverReport, { t, number, word }: Wording): Block[] {
  return [
    { kind: 'heading', level: 1, text: t.settings },
    {
      kind: 'table',
      columns: [
        { title: t.part, width: 0.28 },
        { title: t.limit },
        { title: t.value, align: 'right', width: 0.16 },
        { title: t.tier, width: 0.14 },
      ],
      rows: settings.map(({ owner, title, value, unit, tier }) => [
        cell(owner),
        cell(title),
        value === undefined ? cell(t.notSet, 'quiet') : cell(number(value, unit)),
        cell(word(tier)),
      ]),
    },
  ]
}

function openBlocks({ draft, faults }: HandoverReport, { t }: Wording): Block[] {
  const rows = [
    ...draft.openPoints.map(({ text, who }) => [cell(text), cell(who)]),
    ...faults.map(({ message, action }) => [cell(`${message} ${action}`, 'warn'), cell(t.reported)]),
  ]
  return [
    { kind: 'heading', level: 1, text: t.openPoints },
    rows.length === 0
      ? { kind: 'text', text: t.none }
      : { kind: 'table', columns: [{ title: t.left }, { title: t.by, width: 0.25 }], rows },
  ]
}

function configurationBlocks({ configuration }: HandoverReport, { t }: Wording): Block[] {
  const { siteHash, generation, rollbackTo, maps, journal } = configuration
  return [
    { kind: 'heading', level: 1, text: t.configuration },
    {
      kind: 'facts',
      rows: [
        [t.siteHash, mono(siteHash)],
        [t.generation, cell(generation ?? t.byHand)],
        [t.rollback, cell(rollbackTo)],
        ...(journal
          ? ([
              [
                t.journal,
                journal.ok
                  ? cell(fill(t.journalOk, { seq: journal.seq, hash: journal.hash.slice(0, 16) }), 'good')
                  : cell(t.journalBroken, 'bad'),
              ],
            ] as const)
          : []),
      ],
    },
    ...table(
      t.maps,
      [{ title: t.map, width: 0.3 }, { title: t.hash }],
      maps.map(({ id, hash }) => [cell(id), mono(hash)]),
    ),
  ]
}

/** A table with its heading, or nothing at all. */
function table(
  title: string,
  columns: Extract<Block, { kind: 'table' }>['columns'],
  rows: Extract<Block, { kind: 'table' }>['rows'],
): Block[] {
  return rows.length === 0
    ? []
    : [
        { kind: 'heading', level: 2, text: title },
        { kind: 'table', columns, rows },
      ]
}
