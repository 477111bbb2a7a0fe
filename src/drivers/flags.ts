/** Arguments that make a Chromium profile portable. */

/**
 * Returns the arguments that make a profile portable. Drivers pass them too; if an argument is
 * repeated, the last one counts.
 */
export function portableArguments(): string[] {
  return [
    // Encrypts cookies and passwords with the same key everywhere, instead of one from this
    // machine's keyring.
    '--password-store=basic',
    // The same for Keychain on macOS.
    '--use-mock-keychain',
  ];
}
