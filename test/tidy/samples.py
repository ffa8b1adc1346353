"""Small trees in which each check must find something: (files, a piece of what it must say)."""

MODULES = {
    "lib/meson.build": "modules = ['base', 'task', 'vfs']\n",
    "lib/base/meson.build": "sources = files('a.cc')\n",
    "lib/task/meson.build": "uses = ['base']\n",
    "lib/vfs/meson.build": "uses = ['base']\n",
}

BAD = {
    "layers": [
        (MODULES | {"lib/vfs/a.cc": '#include "lib/task/a.h"\n'}, "may not include lib/task/a.h"),
        (MODULES | {"lib/base/a.cc": '#include "lib/vfs/a.h"\n'}, "may not include lib/vfs/a.h"),
        (MODULES | {"lib/base/meson.build": "uses = ['vfs']\n"}, "does not stand above"),
        (MODULES | {"lib/base/a.cc": '#include "roles/roles.h"\n'}, "lib may not include roles"),
        (MODULES | {"lib/base/a.cc": '#include "b.h"\n'}, "from the root"),
        ({"roles/meta/a.cc": '#include "roles/mount/a.h"\n'}, "no role includes another"),
        (MODULES | {"roles/meta/meson.build": "uses = ['task']\n",
                    "roles/meta/a.cc": '#include "lib/vfs/a.h"\n'}, "may not include lib/vfs/a.h"),
    ],
    "gates": [
        ({"lib/vfs/a.cc": "#include <uv.h>\n"}, "<uv.h> is lib/loop's alone"),
        ({"roles/meta/a.cc": "#include <fmt/format.h>\n"}, "<fmt/format.h> is lib/base's alone"),
        ({"lib/vfs/a.cc": "#include <left/pad.h>\n"}, "has no gate"),
        ({"lib/vfs/a.cc": "#include <doctest/doctest.h>\n"}, "is for tests"),
    ],
    "sizes": [
        ({"lib/vfs/a.cc": "\n" * 481}, "481 lines"),
        ({"lib/vfs/a.cc": "int x;" + " " * 100 + "int y;\n"}, "112 columns"),
        ({"lib/vfs/a.cc": "int f(int x,\n    int y) {\n" + "    x;\n" * 80 + "}\n"}, "a function"),
        ({"lib/vfs/a.h": "class A {\n    int f() {\n" + "x;\n" * 80 + "    }\n};\n"}, "a function"),
        ({"test/a.sh": "f() {\n" + "    true\n" * 80 + "}\n"}, "a function"),
        ({"test/a.py": "def f():\n" + "    pass\n" * 80}, "a function"),
    ],
    "dead_files": [
        ({"lib/base/meson.build": "sources = files('a.cc')", "lib/base/b.cc": ""},
         "lib/base/b.cc: no meson.build"),
        ({"lib/base/a.h": ""}, "nobody includes it"),
    ],
    "headers": [
        ({"lib/base/a.h": "int x;\n"}, "#pragma once"),
        ({"lib/base/a.h": "#pragma once\n", "lib/base/a.cc": "#include <string>\n"}, "own"),
        ({"lib/vfs/a.cc": "namespace flexfs::meta {\n}\n"}, "instead of flexfs::vfs"),
    ],
    "format": [
        ({".clang-format": "BasedOnStyle: Google\n", "lib/base/a.cc": "int  x ;\n"}, "a.cc:1: not"),
    ],
    "roles": [
        ({"roles/roles.h": "", "roles/meta/a.cc": ""}, "roles/meta/ has no row"),
        ({"roles/roles.h": '    {"meta", "serve", role::meta},\n'}, "no roles/meta/"),
    ],
    "tree_picture": [
        (MODULES | {"lib/README.md": "```\nlib/\n  base/  errors\n  vfs/  files\n```\n"},
         "base task vfs"),
        (MODULES, "base task vfs"),
    ],
    "module_folders": [
        (MODULES | {"lib/meta/a.h": ""}, "lib/meta/ is not in"),
        ({"lib/meson.build": "modules = ['base']\n"}, "there is no lib/base/"),
    ],
    "machine_paths": [
        ({"README.md": "See `/" + "work/main`.\n"}, "README.md:1"),
        ({"test/a.sh": "cd /" + "tmp/bench1/x\n"}, "test/a.sh:1"),
    ],
    "shell": [
        ({"test/a": "#!/bin/bash\nif true; then\n"}, "syntax error"),
        ({"test/a.sh": "#!/bin/bash\ncd /x\nls\n"}, "cd ... || exit"),
    ],
    "scripts": [
        ({"test/a.py": "def:\n"}, "test/a.py:1"),
        ({"test/scenario/a.sh": "#!/bin/bash\n"}, "not executable"),
    ],
    "remarks": [
        ({"lib/base/a.cc": "// TODO\n"}, "TODO without a reason"),
        ({"lib/base/a.cc": "// FIXME: later\n"}, "FIXME without a reason"),
    ],
    "banners": [
        ({"lib/base/a.cc": "// --- " "names ---\n"}, "a.cc:1: a banner"),
        ({"lib/base/a.h": "    // =====\n"}, "a.h:1: a banner"),
    ],
    "sleeps": [
        ({"lib/base/a_test.cc": "std::this_thread::sleep_for(1s);\n"}, "a sleep"),
    ],
    "language": [
        ({"lib/task/a.cc": "// All of them but " "for the first.\n"}, "a.cc:1: 'but " "for'"),
        ({"lib/task/a.h": "int a;\n// Who waits is woken.\n"}, "begins with 'Who'"),
        ({"test/a.sh": "# What comes first.\n"}, "begins with 'What'"),
        ({"test/a.py": '"""What comes first."""\n'}, "begins with 'What'"),
        ({"test/a.sh": 'check "' 'what was written is read" true\n'}, "a case begins with 'what'"),
        ({"lib/base/a_test.cc": 'TEST_CASE("' 'who waits is woken") {}\n'}, "begins with 'who'"),
        ({"examples/README.md": "It tells " "of an error.\n"}, "'tells " "of'"),
    ],
}
