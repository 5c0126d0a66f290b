import type { Block, Cell, ReportDocument } from './blocks.ts'
import { textsOf } from './texts.ts'
import { escapeXml } from './trace-drawing.ts'

const style = `
@page{size:A4;margin:16mm 14mm}
*{box-sizing:border-box}
body{margin:0 auto;max-width:900px;padding:24px;color:#0b131c;font:13px/1.45 Inter,"Segoe UI",system-ui,sans-serif;font-variant-numeric:tabular-nums}
header{display:flex;gap:24px;align-items:flex-start;justify-content:space-between;border-bottom:2px solid #0b131c;padding-bottom:12px}
header img{max-width:200px;max-height:70px}
h1{margin:0;font-size:24px}
h2{margin:26px 0 8px;padding-bottom:3px;border-bottom:1px solid #a9b4c0;font-size:16px;break-after:avoid}
h3{margin:16px 0 6px;font-size:13.5px;break-after:avoid}
p{margin:4px 0}
table{width:100%;border-collapse:collapse;margin:6px 0 10px}
th{padding:4px 8px 4px 0;border-bottom:1px solid #a9b4c0;color:#364453;font-size:11.5px;text-align:left;vertical-align:bottom}
td{padding:4px 8px 4px 0;border-bottom:1px solid #d3dae1;vertical-align:top;overflow-wrap:anywhere}
tr{break-inside:avoid}
.right{padding-right:20px;text-align:right}
.mono{font-family:"JetBrains Mono",Consolas,monospace;font-size:11.5px}
.good{color:#10693a;font-weight:600}.bad{color:#ad1a17;font-weight:600}.warn{color:#8a4f00;font-weight:600}.quiet{color:#566372}
dl{display:grid;grid-template-columns:200px 1fr;gap:3px 16px;margin:6px 0}
dt{color:#364453}dd{margin:0;overflow-wrap:anywhere}
section{break-inside:avoid}
figure{margin:6px 0 12px;break-inside:avoid}figcaption{color:#566372;font-size:11.5px}
svg{max-width:100%;height:auto}
.sign{display:grid;grid-template-columns:repeat(2,1fr);gap:44px 32px;margin-top:48px}
.sign div{border-top:1px solid #0b131c;padding-top:4px}
footer{margin-top:32px;color:#566372;font-size:11px;overflow-wrap:anywhere}
`

/** The report as one page without scripts and without anything from elsewhere. */
export function toHtml(report: ReportDocument): string {
  const { language, title, subtitle, logo, footer, blocks } = report
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:`
  return [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<meta name="viewport" content="width=device-width"><title>${escapeXml(`${title} ${subtitle}`)}</title>`,
    `<style>${style}</style></head><body>`,
    `<header><div><h1>${escapeXml(title)}</h1><p>${escapeXml(subtitle)}</p></div>`,
    logo === undefined ? '' : `<img src="${escapeXml(logo)}" alt="">`,
    `</header>`,
    ...blocks.map((block) => blockHtml(block, language)),
    `<footer>${escapeXml(footer)}</footer></body></html>\n`,
  ].join('')
}

const classes = (...names: (string | false | undefined)[]): string => {
  const given = names.filter((name) => typeof name === 'string')
  return given.length === 0 ? '' : ` class="${given.join(' ')}"`
}
const inner = ({ text, bold }: Cell): string => (bold ? `<b>${escapeXml(text)}</b>` : escapeXml(text))

/** A drawing with what it shows, for those who do not see it. */
const named = (svg: string, label: string): string =>
  svg.replace('<svg ', `<svg role="img" aria-label="${escapeXml(label)}" `)

function blockHtml(block: Block, language: ReportDocument['language']): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level + 1}>${escapeXml(block.text)}</h${block.level + 1}>`
    case 'text':
      return `<p${classes(block.tone)}>${escapeXml(block.text).replaceAll('\n', '<br>')}</p>`
    case 'facts':
      return `<dl>${block.rows
        .map(
          ([label, value]) =>
            `<dt>${escapeXml(label)}</dt><dd${classes(value.tone, value.mono && 'mono')}>${inner(value)}</dd>`,
        )
        .join('')}</dl>`
    case 'table':
      return `<table><thead><tr>${block.columns
        .map(({ title, align }) => `<th${classes(align === 'right' && 'right')} scope="col">${escapeXml(title)}</th>`)
        .join('')}</tr></thead><tbody>${block.rows
        .map(
          (row) =>
            `<tr>${row
              .map(
                (one, at) =>
                  `<td${classes(one.tone, one.mono && 'mono', block.columns[at]?.align === 'right' && 'right')}>${inner(one)}</td>`,
              )
              .join('')}</tr>`,
        )
        .join('')}</tbody></table>`
    case 'drawing':
      return `<figure>${named(block.svg, block.label)}<figcaption>${escapeXml(block.label)}</figcaption></figure>`
    default:
      return `<section><h2>${escapeXml(block.title)}</h2><div class="sign">${block.people
        .map(
          ({ name, role }) =>
            `<div><b>${escapeXml(name)}</b><br><span class="quiet">${escapeXml(role)} · ${escapeXml(textsOf(language).placeDate)}</span></div>`,
        )
        .join('')}</div></section>`
  }
}
