import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyDraft, handoverDraft, type HandoverReport } from '#contract/handover.ts'
import { documentOf } from '../../../service/handover/document.ts'
import { toHtml } from '../../../service/handover/html.ts'
import { draft, pngLogo, sampleReport } from './sample-report.ts'

const pageOf = (report: HandoverReport): string => toHtml(documentOf(report, 'ab'.repeat(32)))

/** Names of the tags in a page, and of what they carry. */
function tagsOf(page: string): { tags: Set<string>; attributes: Set<string> } {
  const tags = new Set<string>()
  const attributes = new Set<string>()
  for (const [, tag = '', rest = ''] of page.matchAll(
    /<\/?([a-zA-Z][a-zA-Z0-9]*)((?:\s+[^\s=>"]+(?:="[^"]*")?)*)\s*\/?>/g,
  )) {
    tags.add(tag)
    for (const [, name = ''] of rest.matchAll(/\s+([^\s=>"]+)(?:="[^"]*")?/g)) attributes.add(name)
  }
  return { tags, attributes }
}

describe('the page of a report', () => {
  it('is one file that loads nothing, under a policy that allows nothing else', () => {
    const page = pageOf(sampleReport({}, { ...draft, logo: pngLogo }))
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`,
    )
    expect(page).toContain(`<img src="${pngLogo}"`)
    // The name of the SVG language is no address that is loaded.
    const references = page.replaceAll('xmlns="http://www.w3.org/2000/svg"', '').match(/https?:|url\(|@import|href=/g)
    expect(references).toBeNull()
    expect([...page.matchAll(/src="([^"]{0,11})/g)].map(([, start]) => start)).toEqual(['data:image/'])
  })

  it('takes whatever is typed or read for text', () => {
    const { tags, attributes } = tagsOf(pageOf(sampleReport({}, { ...draft, logo: pngLogo })))
    const nasty = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }),
      fc.constantFrom(
        '<script>alert(1)</script>',
        '"><img src=x onerror=alert(1)>',
        '</style></title><svg onload=alert(1)>',
        `' onmouseover='alert(1)`,
        '&lt;script&gt;',
        '--><iframe srcdoc=x>',
        '{who} {by}',
        '$& $1 $`',
      ),
    )
    fc.assert(
      fc.property(nasty, (text) => {
        const report = sampleReport({ devices: 1, runs: 1 })
        const page = pageOf({
          ...report,
          draft: {
            ...report.draft,
            address: text,
            customer: text,
            remarks: text,
            people: [{ role: text, name: text, company: text }],
            openPoints: [{ text, who: text }],
          },
          site: { name: text, demo: true },
          edge: { id: text, version: text, mode: text },
          timeZone: text,
          devices: report.devices.map((device) => ({
            ...device,
            name: text,
            vendor: text,
            model: text,
            serial: text,
            firmware: text,
            link: text,
            connection: text,
            readFrom: [{ point: text, address: 1, raw: text }],
            verified: [{ kind: 'sign', of: text, by: text, how: text }],
          })),
          buses: report.buses.map((bus) => ({ ...bus, name: text })),
          settings: report.settings.map((limit) => ({ ...limit, owner: text, title: text, unit: text })),
          runs: report.runs.map((run) => ({
            ...run,
            title: text,
            subjectName: text,
            by: text,
            reason: { code: 'wrong', text },
            accepted: { by: text, atMs: 0, reason: text },
            trace: { ...run.trace, lanes: run.trace.lanes.map((lane) => ({ ...lane, deviceName: text, unit: text })) },
          })),
          notExecuted: report.notExecuted.map((one) => ({
            ...one,
            title: text,
            subjectName: text,
            reason: { code: 'no-load', text },
          })),
          writes: report.writes.map((write) => ({ ...write, principal: text, command: text, outcome: text })),
          faults: [{ code: text, severity: 'error', message: text, action: text, sinceMs: 0 }],
          signatures: [{ name: text, role: text }],
        })
        const found = tagsOf(page)
        expect([...found.tags].filter((tag) => !tags.has(tag))).toEqual([])
        expect([...found.attributes].filter((name) => !attributes.has(name))).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('says of a check that nobody has run that it was not executed, and why', () => {
    const page = pageOf(sampleReport())
    expect(page).toContain('Not executed: no vehicle is plugged in')
    expect(page).toContain('Failed (the dead time is too long)')
    // No vendor's word in it, and nothing but the wording of the other language.
    const german = pageOf(sampleReport({}, { ...draft, language: 'de' }))
    expect(german).toContain('<html lang="de">')
    expect(german).toContain('Nicht ausgeführt: kein Fahrzeug')
    expect(german).toContain('Wallbox 1 folgt einem Sprung')
    expect(german).not.toMatch(/Not executed|Passed|Serial number|follows a step/)
    expect(german).toContain('12.345')
    for (const word of ['physikalisch', 'zurückgelesen', 'Produktion']) expect(german).toContain(word)
  })

  it('prints a report of which nothing is known yet', () => {
    const empty = sampleReport({ devices: 0, runs: 0 }, emptyDraft)
    const page = pageOf({ ...empty, buses: [], settings: [], failsafe: [], writes: [], parts: [], signatures: [] })
    expect(page).toContain('Draft: nobody has signed yet.')
    expect(page).toContain('Not executed')
  })
})

describe('what is typed for a report', () => {
  it.each([
    ['a logo that is an SVG', { logo: 'data:image/svg+xml;base64,PHN2Zz4=' }],
    ['a logo from elsewhere', { logo: 'https://example.com/logo.png' }],
    ['two lines as an address', { address: 'a\nb' }],
    ['a person without a name', { people: [{ role: 'Operator', name: ' ', company: '' }] }],
    ['an unknown field', { photo: '' }],
  ])('is refused with %s', (_name, change) => {
    expect(handoverDraft.safeParse({ ...draft, ...change }).success).toBe(false)
    expect(handoverDraft.safeParse(draft).success).toBe(true)
  })
})
