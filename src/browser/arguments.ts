/** How a Chromium is launched so that its profile means the same on every machine. */

/**
 * The arguments that make a profile portable. Drivers pass them too; given twice, or given otherwise afterwards, the last one counts.
 */
export function portableArguments(): string[] {
  return [
    // Encrypts cookies and passwords with a key that is the same everywhere, and not with one from this machine's keyring.
    '--password-store=basic',
    // The same on macOS, where the keyring is Keychain.
    '--use-mock-keychain',
  ];
}
