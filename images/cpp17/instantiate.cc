// A plugin of GCC, for the preparation only: programs are compiled without it.
//
// A precompiled header holds what its inline functions need of templates as a list of things to instantiate, and every
// compilation works through that list at its end: 0.18 s of processor time for bits/stdc++.h, whatever the program
// uses. `#pragma paddock instantiate`, the last line of a header, has it done once, while the header is precompiled.
//
// It names five things of GCC itself, so that it needs no package with GCC's headers. Where a GCC has them no more, or
// means something else by them, prepare.sh sees that and precompiles without.

struct cpp_reader;
struct plugin_gcc_version;
struct plugin_name_args {
  char *base_name;
};

extern void c_register_pragma(const char *space, const char *name, void (*handler)(cpp_reader *));
extern void instantiate_pending_templates(int retries);
// Whether all of the program has been read: templates are given their linkage then, as is due here.
extern int at_eof;

extern "C" {
extern int plugin_is_GPL_compatible;
int plugin_is_GPL_compatible;
void register_callback(const char *plugin, int event, void (*callback)(void *, void *), void *data);
}

namespace {
constexpr int pragmas_event = 15; // PLUGIN_PRAGMAS

void instantiate(cpp_reader *) {
  at_eof = 1;
  instantiate_pending_templates(0);
  at_eof = 0;
}

void register_pragma(void *, void *) { c_register_pragma("paddock", "instantiate", instantiate); }
} // namespace

extern "C" int plugin_init(plugin_name_args *arguments, plugin_gcc_version *) {
  register_callback(arguments->base_name, pragmas_event, register_pragma, nullptr);
  return 0;
}
