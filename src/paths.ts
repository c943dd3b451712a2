import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The absolute path of a file shipped with the package, given relative to package.json.
 * The compiled tree has no .sql files of its own: both it and the sources read them from here.
 * Throws if no package.json lies above this module.
 */
export function packageFile (relative: string): string {
  return join(packageRoot(), relative)
}

function packageRoot (): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('no package.json above ' + import.meta.url)
    folder = parent
  }
  return folder
}
