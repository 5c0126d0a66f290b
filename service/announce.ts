import { spawn } from 'node:child_process'
import type { Options } from './config.ts'

/** What a person or a program that starts the service needs to know. */
export interface Announcement {
  readonly url: string
  readonly secureUrl?: string
  readonly caFingerprint?: string
  /** Signs in once; with the demo site and from the desktop app only. */
  readonly signInCode?: string
  readonly pairing?: { readonly code: string; readonly file: string }
}

/**
 * Says on the standard output that the service listens. The pairing code is shown to a person at a terminal only: what is
 * printed elsewhere ends up in the logs of the system.
 */
export function announce({ readyJson, site, demo, dataFolder }: Options, what: Announcement): void {
  const { url, secureUrl, caFingerprint, signInCode, pairing } = what
  if (readyJson) {
    const line = {
      ready: true,
      url,
      pid: process.pid,
      ...(secureUrl && { secureUrl }),
      ...(signInCode && { signInCode }),
    }
    process.stdout.write(`${JSON.stringify(line)}\n`)
    return
  }
  const link = signInCode && `${url}/#/sign-in?code=${signInCode}`
  const lines = [
    `R-EMS runs "${site.name}"${demo ? ' with a simulated plant' : ''}`,
    `  web UI  ${link ?? url}${link ? '\n          signs in once, within 10 minutes' : ''}`,
    `  API     ${url}/docs`,
    ...(secureUrl ? [`  network ${secureUrl}`, `  CA      ${caFingerprint ?? ''}`] : []),
    ...(pairing
      ? [`  pairing ${process.stdout.isTTY ? pairing.code : `code in ${pairing.file}`}, for 15 minutes from now`]
      : []),
    `  data    ${dataFolder}`,
    'Stop with Ctrl-C.',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (link) openBrowser(link)
}

/** Best effort, where a person sits at a desktop: nothing is said when it does not work, as the link is on the screen. */
function openBrowser(link: string): void {
  const { env, platform, stdout } = process
  if (!stdout.isTTY || env['CI'] || env['SSH_CONNECTION'] || env['BROWSER'] === 'none') return
  if (platform === 'linux' && !env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return
  const [program = '', ...args] =
    platform === 'win32'
      ? ['rundll32', 'url.dll,FileProtocolHandler', link]
      : [platform === 'darwin' ? 'open' : 'xdg-open', link]
  const child = spawn(program, args, { stdio: 'ignore', detached: true })
  child.on('error', () => undefined)
  child.unref()
}
