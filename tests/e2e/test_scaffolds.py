"""Projects as scaffolds lay them out deploy as they come: built with tools that are gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import steps

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def write(folder: Path, manifest: dict[str, Any], files: dict[str, str]) -> Path:
    """A project of these files."""
    for name, text in {"package.json": json.dumps({"version": "1.0.0", **manifest}), **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def deploy(platform: LocalPlatform, folder: Path, *arguments: str) -> str:
    """Deploy by the command line; what was told on the way."""
    done = platform.jitsu("deploy", *arguments, cwd=folder, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stderr


def built(platform: LocalPlatform, name: str) -> Path:
    """The newest snapshot's folder."""
    return max((platform.home / "builds" / platform.user / name).glob("[0-9]*[0-9]"))


def test_typescript_and_express(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """tsc compiles with the types of development; the app runs without them."""
    source = (
        'import express from "express";\nconst app = express();\n'
        'app.get("/", (_request, response) => { response.send("typescript"); });\napp.listen(3000);\n'
    )
    options = {"outDir": "dist", "rootDir": "src", "module": "node16", "strict": True, "skipLibCheck": True}
    manifest = {
        "name": "tsx",
        "scripts": {"build": "tsc", "start": "node dist/index.js"},
        "dependencies": {"express": "^4.19.0"},
        "devDependencies": {"typescript": "~5.4.0", "@types/express": "^4.17.0", "@types/node": "^20.0.0"},
    }
    files = {"src/index.ts": source, "tsconfig.json": json.dumps({"compilerOptions": options})}
    deploy(shared_platform, write(tmp_path / "tsx", manifest, files))
    assert shared_platform.get("tsx").text == "typescript"
    modules = built(shared_platform, "tsx") / "node_modules"
    assert (modules / "express").is_dir()
    assert not (modules / "typescript").exists()


def test_vites_scaffold_behind_express(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """What `npm create vite` makes, with a server that hands out its build."""
    subprocess.run(
        ["npx", "--yes", "create-vite@6.5.0", "site", "--template", "vanilla-ts"],
        cwd=tmp_path,
        env={**os.environ, "CI": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=200,
    )
    folder = tmp_path / "site"
    manifest = json.loads((folder / "package.json").read_text())
    manifest["scripts"]["start"] = "node server.js"
    manifest["dependencies"] = {"express": "^4.19.0"}
    server = (
        "import express from 'express'\nconst app = express()\napp.use(express.static('dist'))\n"
        "app.get('/api', (request, response) => response.send('express'))\napp.listen(5173)\n"
    )
    deploy(shared_platform, write(folder, manifest, {"server.js": server}))
    assert "/assets/index-" in shared_platform.get("site").text
    assert shared_platform.get("site", "/api").text == "express"
    assert not (built(shared_platform, "site") / "node_modules" / "vite").exists()


def test_nests_scaffold(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """What `nest new` makes: `start` is for development; what decorators say of types is compiled in."""
    manifest = {
        "name": "nest",
        "scripts": {"build": "nest build", "start": "nest start", "start:prod": "node dist/main"},
        "dependencies": {
            **dict.fromkeys(["@nestjs/common", "@nestjs/core", "@nestjs/platform-express"], "^11.0.1"),
            "reflect-metadata": "^0.2.2",
            "rxjs": "^7.8.1",
        },
        "devDependencies": {"@nestjs/cli": "^11.0.0", "@types/node": "^22.10.7", "typescript": "^5.7.3"},
    }
    options = {
        "module": "commonjs",
        "target": "ES2022",
        "outDir": "./dist",
        "emitDecoratorMetadata": True,
        "experimentalDecorators": True,
        "skipLibCheck": True,
    }
    main = (
        "import { NestFactory } from '@nestjs/core';\nimport { AppModule } from './app.module';\n"
        "async function bootstrap() {\n  const app = await NestFactory.create(AppModule);\n"
        "  await app.listen(process.env.PORT ?? 3000);\n}\nbootstrap();\n"
    )
    module = (
        "import { Controller, Get, Injectable, Module } from '@nestjs/common';\n"
        "@Injectable() export class AppService { hello(): string { return 'from nest'; } }\n"
        "@Controller() export class AppController {\n  constructor(private readonly service: AppService) {}\n"
        "  @Get() hello(): string { return this.service.hello(); }\n}\n"
        "@Module({ controllers: [AppController], providers: [AppService] }) export class AppModule {}\n"
    )
    files = {
        "src/main.ts": main,
        "src/app.module.ts": module,
        "nest-cli.json": '{"collection": "@nestjs/schematics", "sourceRoot": "src"}',
        "tsconfig.json": json.dumps({"compilerOptions": options}),
    }
    told = deploy(shared_platform, write(tmp_path / "nest", manifest, files))
    assert "start runs nest, a devDependency: start:prod starts the app." in told
    assert shared_platform.get("nest").text == "from nest"
    assert not (built(shared_platform, "nest") / "node_modules" / "typescript").exists()


def test_nexts_scaffold(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """What `create-next-app` makes: pages made by the build, a route that runs, settings in TypeScript."""
    manifest = {
        "name": "next",
        "scripts": {"dev": "next dev", "build": "next build", "start": "next start"},
        "dependencies": {"next": "15.5.4", "react": "19.1.0", "react-dom": "19.1.0"},
        "devDependencies": {"typescript": "^5", "@types/node": "^20", "@types/react": "^19"},
    }
    layout = (
        "export default function RootLayout({ children }: Readonly<{ children: React.ReactNode }>) {\n"
        '  return <html lang="en"><body>{children}</body></html>\n}\n'
    )
    route = (
        "export const dynamic = 'force-dynamic'\n"
        "export async function GET() { return Response.json({ said: process.env.GREETING }) }\n"
    )
    files = {
        "app/layout.tsx": layout,
        "app/page.tsx": "export default function Home() { return <h1>from next</h1> }\n",
        "app/api/hello/route.ts": route,
        "next.config.ts": "import type { NextConfig } from 'next'\nexport default {} satisfies NextConfig\n",
    }
    folder = write(tmp_path / "next", manifest, files)
    told = deploy(shared_platform, folder, "--env", "GREETING=hej", "--env", "NEXT_TELEMETRY_DISABLED=1")
    assert "typescript, a devDependency, reads next.config.ts: the devDependencies stay." in told
    assert "<h1>from next</h1>" in shared_platform.get("next").text
    assert shared_platform.get("next", "/api/hello").json() == {"said": "hej"}
    log = steps.printed(shared_platform, f"/apps/{shared_platform.user}/next")
    assert not [line for line in log if "crashed" in line or "Installing TypeScript" in line]


def test_a_start_script_for_development(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """As Nest's scaffold has it: `start` runs a devDependency's program, `start:prod` is for production."""
    tool = {"name": "nestish", "version": "1.0.0", "bin": {"nestish": "run.js"}}
    manifest = {
        "name": "nestish-app",
        "scripts": {"build": "nestish", "start": "nestish start", "start:prod": "node dist/main.js"},
        "dependencies": {"ms": "2.1.3"},
        "devDependencies": {"nestish": "file:./tool"},
    }
    main = "require('http').createServer((q, r) => r.end(require('ms')(1000))).listen(3000)"
    run = (
        "#!/usr/bin/env node\nconst fs = require('fs'); fs.mkdirSync('dist', { recursive: true });\n"
        f"fs.writeFileSync('dist/main.js', {json.dumps(main)})\n"
    )
    files = {"tool/package.json": json.dumps(tool), "tool/run.js": run}
    told = deploy(shared_platform, write(tmp_path / "app", manifest, files))
    assert "start runs nestish, a devDependency: start:prod starts the app." in told
    assert shared_platform.get("nestish-app").text == "1s"


@pytest.mark.parametrize("manager", ["npm", "pnpm@9.15.9"])
def test_workspaces(shared_platform: LocalPlatform, tmp_path: Path, manager: str) -> None:
    """The root is deployed with its packages; one of them is started, and finds the other."""
    name = f"shop-{manager[:3]}"
    npm = manager == "npm"
    root: dict[str, Any] = {
        "name": name,
        "private": True,
        "workspaces": ["packages/*"],
        "scripts": {"start": "npm start -w web" if npm else "pnpm --filter web start"},
    }
    if not npm:
        root["packageManager"] = manager
    web = {
        "name": "web",
        "version": "1.0.0",
        "scripts": {"start": "node index.js"},
        "dependencies": {"lib": "1.0.0" if npm else "workspace:*", "ms": "2.1.3"},
    }
    index = (
        "const text = require('lib') + require('ms')(60000);\n"
        "require('http').createServer((q, r) => r.end(text)).listen(4000)\n"
    )
    files = {
        "packages/web/package.json": json.dumps(web),
        "packages/web/index.js": index,
        "packages/lib/package.json": json.dumps({"name": "lib", "version": "1.0.0"}),
        "packages/lib/index.js": "module.exports = 'from the other package, '",
        **({} if npm else {"pnpm-workspace.yaml": "packages:\n  - packages/*\n"}),
    }
    deploy(shared_platform, write(tmp_path / "shop", root, files))
    assert shared_platform.get(name).text == "from the other package, 1m"


def test_plug_n_play_serves(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """An app without node_modules answers through the router, and so does its second drone."""
    manifest = {
        "name": "pnp",
        "packageManager": "yarn@4.5.0",
        "scripts": {"start": "node server.js"},
        "dependencies": {"ms": "2.1.3"},
    }
    server = "require('http').createServer((q, r) => r.end(require('ms')(1000))).listen(3000)"
    folder = write(tmp_path / "pnp", manifest, {"server.js": server})
    deploy(shared_platform, folder)
    assert not (built(shared_platform, "pnp") / "node_modules").exists()
    assert shared_platform.jitsu("scale", "pnp", "2", cwd=folder).returncode == 0
    assert {shared_platform.get("pnp").text for _ in range(6)} == {"1s"}
