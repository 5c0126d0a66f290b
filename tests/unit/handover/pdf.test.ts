import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HandoverReport } from '#contract/handover.ts'
import { documentOf } from '../../../service/handover/document.ts'
import { toPdf } from '../../../service/handover/pdf.ts'
import { draft, jpegLogo, pngLogo, sampleReport } from './sample-report.ts'

const has = (tool: string): boolean => spawnSync(tool, ['-v']).error === undefined
const missing =
  has('pdftotext') && has('pdftoppm') ? undefined : 'pdftotext and pdftoppm (poppler-utils) are not installed'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-report-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const hash = '0123456789abcdef'.repeat(4)
const pdfOf = (report: HandoverReport): Promise<Buffer> => toPdf(documentOf(report, hash))

/** The text of each page. */
async function pagesOf(report: HandoverReport): Promise<string[]> {
  const file = join(folder, 'report.pdf')
  writeFileSync(file, await pdfOf(report))
  const { status, stdout } = spawnSync('pdftotext', ['-layout', file, '-'], {
    encoding: 'utf8',
    maxBuffer: 100_000_000,
  })
  expect(status).toBe(0)
  return stdout.split('\f').slice(0, -1)
}
/** Without the places where a line ended. */
const joined = (pages: readonly string[]): string => pages.join('\n').replaceAll(/\s+/g, ' ')

/** Shares of dark points of each page as it is printed, without its footer. */
function inkOf(pdf: Buffer): number[] {
  const place = mkdtempSync(join(folder, 'pages-'))
  writeFileSync(join(place, 'report.pdf'), pdf)
  const { status } = spawnSync('pdftoppm', ['-r', '30', '-gray', join(place, 'report.pdf'), join(place, 'page')])
  expect(status).toBe(0)
  return readdirSync(place)
    .filter((name) => name.endsWith('.pgm'))
    .toSorted()
    .map((name) => {
      const bytes = readFileSync(join(place, name))
      const [head = '', width = '', height = ''] =
        /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 40).toString('latin1')) ?? []
      const rows = Math.floor(Number(height) * 0.92)
      const points = bytes.subarray(head.length, head.length + rows * Number(width))
      return points.filter((value) => value < 200).length / points.length
    })
}

describe('the PDF of a report', { timeout: 120_000 }, () => {
  it('is made without anything from elsewhere, with either kind of logo', async () => {
    const bare = await pdfOf(sampleReport())
    expect(bare.subarray(0, 5).toString()).toBe('%PDF-')
    for (const logo of [pngLogo, jpegLogo]) {
      const pdf = await pdfOf(sampleReport({}, { ...draft, logo }))
      expect(pdf.includes('/Subtype /Image')).toBe(true)
    }
    expect(bare.includes('/Subtype /Image')).toBe(false)
    expect(bare.toString('latin1')).not.toMatch(/\/JavaScript|\/URI|\/Launch|\/EmbeddedFile/)
  })

  it.skipIf(missing)('says what was read, what was found and what was not done', async () => {
    const text = joined(await pagesOf(sampleReport()))
    for (const part of ['ACE0000001', '6.5.0-4191', 'Passed', 'Failed (the dead time is too long)', 'Not executed: no'])
      expect(text).toContain(part)
    expect(text).toContain('Page 1 of')
    expect(text).toContain(hash.slice(0, 16))
    expect(text.replaceAll(' ', '')).toContain('cd'.repeat(32))
    expect(text.replaceAll(' ', '')).toContain('ab'.repeat(32))
    expect(text).toContain('4143 4530 3030 3030 3000')
    expect(text).toContain('Europe/Berlin')
    expect(text).toContain('01/03/2026, 13:00:00')
  })

  it.skipIf(missing)('says it in German', async () => {
    const text = joined(await pagesOf(sampleReport({}, { ...draft, language: 'de' })))
    for (const part of ['Übergabeprotokoll', 'Nicht ausgeführt', 'Bestanden', '01.03.2026, 13:00:00', 'Unterschriften'])
      expect(text).toContain(part)
    expect(text).not.toMatch(/Not executed|Passed|Failed|Serial/)
  })

  it.skipIf(missing)('has something on every page, and no heading at the foot of one', async () => {
    const headings = [
      'Devices as read',
      'Buses',
      'Limits and settings',
      'Checks',
      'If R-EMS stops',
      'Open points',
      'Signatures',
    ]
    for (const runs of [1, 2, 3, 4, 5, 6, 7]) {
      const report = sampleReport({ devices: 3 + runs * 2, runs })
      const pages = await pagesOf(report)
      for (const page of pages) {
        const lines = page
          .split('\n')
          .map((line) => line.trim())
          .filter(Boolean)
        const footer = lines.findIndex((line) => line.includes('SHA-256'))
        expect(footer).toBeGreaterThan(0)
        expect(headings).not.toContain(lines[footer - 1])
      }
      expect(joined(pages.slice(-1))).toMatch(/Signatures .*Place, date, signature/)
    }
    const ink = inkOf(await pdfOf(sampleReport({ devices: 12, runs: 5 })))
    expect(ink.length).toBeGreaterThan(3)
    for (const share of ink) expect(share).toBeGreaterThan(0.003)
  })

  it.skipIf(missing)('keeps long texts without spaces on the page', async () => {
    const long = 'https://' + 'wwwwwwww'.repeat(12)
    const report = sampleReport(
      { devices: 1, runs: 1 },
      { ...draft, customer: long, remarks: `${long} `.repeat(3).trim() },
    )
    const wide = {
      ...report,
      devices: report.devices.map((device) => ({
        ...device,
        name: 'W'.repeat(60),
        serial: '0'.repeat(64),
        firmware: 'X'.repeat(64),
      })),
    }
    const file = join(folder, 'long.pdf')
    writeFileSync(file, await pdfOf(wide))
    const { stdout } = spawnSync('pdftotext', ['-bbox', file, '-'], { encoding: 'utf8' })
    const right = [...stdout.matchAll(/xMax="([\d.]+)"/g)].map(([, x]) => Number(x))
    expect(right.length).toBeGreaterThan(100)
    expect(Math.max(...right)).toBeLessThan(595 - 30)
    const words = [
      ...stdout.matchAll(/<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)/g),
    ].map(([, xMin, yMin, xMax, , text]) => ({
      xMin: Number(xMin),
      yMin: Number(yMin),
      xMax: Number(xMax),
      text: (text ?? '').replaceAll('\u200b', ''),
    }))
    // No cell runs into the one beside it.
    const serials = words.filter(({ text }) => /^0+$/.test(text))
    expect(serials.length).toBeGreaterThan(10)
    for (const { xMax, yMin } of serials)
      for (const beside of words.filter((word) => /^X+$/.test(word.text) && Math.abs(word.yMin - yMin) < 2))
        expect(beside.xMin).toBeGreaterThan(xMax)
  })

  it('is bounded for 200 devices and 300 checks', async () => {
    const pdf = await pdfOf(sampleReport({ devices: 200, runs: 300 }))
    expect(pdf.length).toBeGreaterThan(100_000)
    expect(pdf.length).toBeLessThan(6_000_000)
  })
})
