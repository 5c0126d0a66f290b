import type { Terminal } from '../../../service/cli/terminal.ts'

/** A terminal that remembers what was printed; `answers` are typed one after the other. */
export function fakeTerminal(
  options: { readonly environment?: NodeJS.ProcessEnv; readonly answers?: readonly string[] } = {},
) {
  const answers = [...(options.answers ?? [])]
  let out = ''
  let err = ''
  const terminal: Terminal = {
    environment: options.environment ?? { R_EMS_API_PORT: '0' },
    signal: new AbortController().signal,
    interactive: false,
    screen: false,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    openLines: () => ({ ask: () => Promise.resolve(undefined), [Symbol.dispose]: () => undefined }),
    readSecret: () => Promise.resolve(''),
    ask: () => Promise.resolve(answers.shift() ?? ''),
  }
  return { terminal, out: () => out, err: () => err }
}
