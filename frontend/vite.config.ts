import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import tailwindcss from "@tailwindcss/vite";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;

/** Writes icons.json: the drawing of each icon that icons.json names, for the template tag that inlines them. */
function icons(): Plugin {
  return {
    name: "opie-icons",
    apply: "build",
    generateBundle() {
      const names = JSON.parse(readFileSync(resolve(here, "icons.json"), "utf8")) as string[];
      const drawings = names.map((name) => [name, drawingOf(name)]);
      this.emitFile({ type: "asset", fileName: "icons.json", source: JSON.stringify(Object.fromEntries(drawings)) });
    },
  };
}

function drawingOf(name: string): string {
  const svg = readFileSync(resolve(here, `node_modules/lucide-static/icons/${name}.svg`), "utf8");
  const inside = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg)?.[1];
  if (inside === undefined) throw new Error(`lucide-static/icons/${name}.svg is not an SVG as expected`);
  return inside.replace(/\s+/g, " ").trim();
}

export default defineConfig({
  root: here,
  base: "/static/",
  plugins: [tailwindcss(), icons()],
  build: {
    outDir: resolve(here, "../static"),
    emptyOutDir: true,
    manifest: "manifest.json",
    // Fonts stay files: the content security policy lets none in from data: addresses.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    rollupOptions: {
      input: Object.fromEntries(["main", "chat", "activity", "commands", "support", "tag", "widget"].map((name) => [name, resolve(here, `src/${name}.ts`)])),
    },
  },
});
