/** Several questions to a person, one after the other. */
export interface LineSession extends Disposable {
  /** The line typed in answer; undefined when the person has ended the input, such as with Ctrl-C. */
  ask(question: string): Promise<string | undefined>
}

/** Where a command reads from and prints to. */
export interface Terminal {
  readonly environment: NodeJS.ProcessEnv
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Whether a person sits there who can be asked. */
  readonly interactive: boolean
  /** Whether the output is a screen that may be redrawn. */
  readonly screen: boolean
  out(text: string): void
  err(text: string): void
  /** The line typed in answer; empty when there was none. */
  ask(question: string): Promise<string>
  /** Nothing that is typed ahead is lost between its questions. */
  openLines(): LineSession
  /** A line that is not shown, such as a password. */
  readSecret(prompt: string): Promise<string>
}

/** One command of r-emsctl: prints its result, returns its exit code. */
export interface Command {
  readonly summary: string
  readonly usage: string
  run(args: string[], terminal: Terminal): Promise<number>
}

/** Exit codes of r-emsctl, the same for every command. */
export const exitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  noAnswer: 3,
  deviceException: 4,
  refused: 5,
  interrupted: 130,
} as const

/** Ends a command with one sentence and an exit code. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly code: number

  constructor(code: number, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
