/** Begins at a key and has no nested repetition, so that a hostile line takes no longer than any other. */
const secretKey =
  /(?:^|[{,]|^\s*-)\s{0,200}["']?((?:[a-z0-9]{1,30}[_-]){0,5}(?:pass(?:word|phrase|wd)|secret|api[_-]?key|private[_-]?key|token|credentials?))["']?\s{0,20}[:=]/i
const keyBlock = /-----BEGIN [A-Z ]*PRIVATE KEY-----/
const credentialsInAddress = /[a-z]:\/\/[^\s/'"@:]+:[^\s/'"@]+@/i

/** Names of files that hold keys or passwords, wherever they lie. */
const secretFile =
  /(^|\/)([^/]*\.(key|p12|pfx|jks)|[^/]*private[^/]*\.pem|id_(rsa|ed25519|ecdsa)|\.env|[^/]*\.htpasswd)$/i

/** Whether a file is one that belongs under secrets/, by its name. */
export function isSecretFile(path: string): boolean {
  return secretFile.test(path)
}

/** The first secret in a file that leaves the edge with bundles, with its line and the cure; undefined when there is none. */
export function findSecret(text: string): { readonly line: number; readonly message: string } | undefined {
  for (const [index, line] of text.split('\n').entries()) {
    const code = line.replace(/(^|\s)#.*$/, '')
    const found = (message: string) => ({ line: index + 1, message })
    if (keyBlock.test(line)) return found('a private key has no place here; move it into a file under secrets/')
    const key = secretKey.exec(code)?.[1]
    if (key !== undefined)
      return found(`"${key}" is a secret, and this file is read by many; move it into a file under secrets/`)
    if (credentialsInAddress.test(code))
      return found('an address with a password has no place here; move the password into a file under secrets/')
  }
  return undefined
}
