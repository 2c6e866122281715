// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "site_x86_64.h"

#define MOST 64

/* The first bytes of functions as they are installed somewhere, with the sites that objdump shows. */
static const struct function {
	const char *name;
	struct site all, first; /* for SITE_ALL, for SITE_FIRST */
	const char *bytes;
} functions[] = {
	{"subtype_dealloc, pyenv 3.8.18", {0, true}, {0, true},
		"4157415641554989fd415455534883ec18488b6f08f685a9000000400f859e00"
		"00004883bd88010000007409e8cf89f7ff85c07818488b85780100004885c074"},
	{"subtype_dealloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa415741564155415455534889fb4883ec18488b6f08f685a900000040"
		"0f8412090000488b57f04885d20f842d040000488b4ff8488b42084883e1fc83"},
	{"list_dealloc, pyenv 3.8.18", {0, true}, {0, true},
		"41544531e4554889fd53e851eefaff488b4508488d15e6ffffff483950300f84"
		"cc000000488b55184885d27443488b5d104883eb01790feb2b0f1f8000000000"},
	{"list_dealloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa41554154554889fd534883ec18488b57f04885d20f847a020000488b"
		"4ff8488b42084883e1fc83e0034809c84889114889420848c747f00000000048"},
	{"dict_dealloc, pyenv 3.8.18", {0, true}, {0, true},
		"41574531ff415641554154554889fd534883ec084c8b67284c8b6f20e8ffabf9"
		"ff488b4508488d15d4ffffff483950300f84120100004d85e40f84d100000048"},
	{"dict_dealloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa4157415641554154554889fd534883ec188b07644c8b2c25e8ffffff"
		"498b5d1085c00f88cf80eeff48c707010000000fb67f1885ff0f85c807000048"},
	{"tuple_dealloc, pyenv 3.8.18", {0, true}, {0, true},
		"41554531ed4154554889fd534883ec084c8b6710e8f799f7ff488b4508488d15"
		"dcffffff483950300f84c20000004d85e47e38498d5c24ffeb0c660f1f440000"},
	{"tuple_dealloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa415741564155415455534889fb4883ec18488b6f104881ffe84ca500"
		"75094885ed0f8476010000488b53f04885d20f84a0020000488b4bf8488b4208"},
	{"func_dealloc, pyenv 3.8.18", {0, true}, {0, true},
		"53488b4ff04889fb488b57f8488b41084883e2fc83e00348890a4809d0488941"
		"08488367f80148837f500048c747f0000000007405e8b645fbff4889dfe8fef9"},
	{"func_dealloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa55534889fb4883ec188b0b64488b0425e8ffffff488b78100fb68760"
		"21000085c90f88cbb0ebff84c00f856a04000048c70300000000488b4bf0488b"},
	{"gen_dealloc, pyenv 3.8.18", {0, true}, {0, true},
		"41545553488b4ff04889fb488b57f8488b41084883e2fc83e00348890a4809d0"
		"48894108488b47f848c747f00000000083e00148837f2800488947f8740ce8bd"},
	{"gen_dealloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa4155415455534889fb4883ec08488b4ff0488b57f8488b41084883e2"
		"fc48890a83e0034809d048894108488b47f848c747f00000000083e00148837f"},
	{"gen_dealloc, Debian sid, 3.14", {0, false}, {0, false},
		"f30f1efa4883ec28488b4ff0488b57f84989fa488b41084883e2fc48890a83e0"
		"034809d048894108488b47f848c747f00000000083e001488947f864488b3c25"},
	{"set_dealloc, pyenv 3.8.18", {0, true}, {0, true},
		"415641554531ed41544989fc5553488b6f18e88905f8ff498b542408488d05dd"
		"ffffff483942300f84c30000004983bc24c00000000074084c89e7e8d032f8ff"},
	{"set_dealloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa4156415541544989fc55534883ec10488b57f0488b6f184885d20f84"
		"2c010000488b4ff8488b42084883e1fc83e0034809c84889114889420848c747"},
	{"object_dealloc, pyenv 3.8.18", {0, false}, {0, false},
		"488b4708ffa040010000660f1f440000488b4708488d1515450000488b405848"
		"85c0480f44c2ffe00f1f840000000000488b470848830001c30f1f8000000000"},
	{"object_dealloc, Debian 12, 3.11", {17, true}, {17, true},
		"488b4708488b8040010000483d500950000f85d9010000488b0542a84100488b"
		"151ba84100483de00f50000f85c10100004889fa4889f85348c1ea31482500c0"},
	{"object_dealloc, Debian 13, 3.13", {21, true}, {21, true},
		"f30f1efa488b4708488b8040010000483d405253000f85dd000000488b050e66"
		"4e00483dd0f452000f85fd000000554889fa5348c1ea314883ec0864488b0425"},
	{"float_dealloc, pyenv 3.8.18", {11, true}, {11, true},
		"488b4708483b0575c52600740bffa0400100000f1f4400008b057a842a0083f8"
		"637f1d83c00189056c842a00488b055d842a0048893d56842a0048894708c390"},
	{"float_dealloc, Debian 12, 3.11", {10, true}, {10, true},
		"488b4708483d000995007539488b055d2b4b00488b40108b90180e000083fa63"
		"7f1e83c2018990180e0000488b90200e0000488957084889b8200e0000c36690"},
	{"float_dealloc, Debian 13, 3.13", {14, true}, {14, true},
		"f30f1efa488b4708483da0eb9f00753d64488b0425e8ffffff488b40108b90c8"
		"2a000083fa63772083c2018990c82a0000488b90d02a0000488957084889b8d0"},
	{"cell_dealloc, pyenv 3.8.18", {0, true}, {0, true},
		"53488b4ff04889fb488b57f8488b41084883e2fc83e00348890a4809d0488941"
		"0848c747f000000000488367f801488b7f104885ff740648832f0174134889df"},
	{"cell_dealloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa55534889fb4883ec18488b4ff0488b57f8488b41084883e2fc48890a"
		"83e0034809d04889410848c747f000000000488367f801488b7f104885ff7407"},
	{"cell_dealloc, Debian sid, 3.14", {0, false}, {0, false},
		"f30f1efa488b77f0488b4ff84889f8488b56084883e1fc48893183e2034809ca"
		"4889560848c747f000000000488367f801488b7f1064488b1425e8ffffff488b"},
	{"PyType_GenericAlloc, pyenv 3.8.18", {0, true}, {0, true},
		"415541544989fc554889f553488d5e014883ec08480faf5f2848035f204883c3"
		"074883e3f8f687a9000000404889df0f84b3000000e8863ef7ff4989c54d85ed"},
	{"PyType_GenericAlloc, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa534889fbe8530000004885c07448f683a900000040743f64488b1425"
		"e8ffffff488d70f0488b5210488b8a481d0000488b50f8488b790883e2036648"},
	{"PyList_New, pyenv 3.8.18", {0, true}, {0, true},
		"55534883ec084885ff0f88010100008b0563cc29004889fd85c00f84a0000000"
		"83e801488d1566cc2900890548cc29004898488b1cc2488b05330a26008b4004"},
	{"PyList_New, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa55534883ec084885ff0f885801000064488b0c25e8ffffff4889fd48"
		"8b51108b82482e000085c00f8eff00000083e8018982482e00004898488b9cc2"},
	{"PyList_New, Debian sid, 3.14", {0, false}, {16, true},
		"f30f1efa4883ec1848895c24084885ff0f88b600000048896c24104889fd6448"
		"8b0425e8ffffff488b4010488b98d02c00004885db0f844d010000488b134883"},
	{"PyTuple_New, pyenv 3.8.18", {0, true}, {0, true},
		"55534883ec084885ff0f8851010000751f488b1d58dc26004885db0f84e70000"
		"00488303014883c4084889d85b5dc3904889fd4883ff137e3748b8faffffffff"},
	{"PyTuple_New, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa415455534885ff0f84430100000f88da01000064488b3425e8ffffff"
		"4889fb488b46104883ff140f8f2d010000488d5701488bacd0c82a00004885ed"},
	{"PyTuple_New, Debian sid, 3.14", {0, false}, {16, true},
		"f30f1efa4883ec2848895c24184885ff0f84ff0000004889f90f886701000048"
		"8d47ff48896c24204883f8130f8fea00000064488b2c25e8ffffff4889f848c1"},
	{"PyDict_New, pyenv 3.8.18", {0, true}, {0, true},
		"55488d0558c72800488d2d312326005366480f6ec866480f6ec5660f6cc14883"
		"ec188b05d8c92800488305102326000185c0747483e801488d15e2c928008905"},
	{"PyDict_New, Debian 12, 3.11", {0, false}, {0, false},
		"4883ec1848830504e3530001488b053de15500488b50108b822814000085c074"
		"5f83e8018982281400004898488b84c2a81100008b15dac6530085d2755648c7"},
	{"PyDict_New, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa55534883ec0864488b0425e8ffffff488b68108b85d030000085c07e"
		"6783e8018985d03000004898488b9cc5502e0000488b05fda1510048c7030100"},
	{"_PyObject_GC_New, pyenv 3.8.18", {0, true}, {0, true},
		"554889fd534883ec08488b7f20e8defae8ff4889c34885c0742b488968084889"
		"efe80a1be9fff6c40274054883450001488b05c94414008b400485c0751248c7"},
	{"_PyObject_GC_New, Debian 12, 3.11", {0, false}, {10, true},
		"48baffffffffffffff7f41554154554889fd534883ec08488b87a80000004889"
		"c348c1e80348c1eb0d83e00283e3024801c3488b47204c8b2da308560048c1e3"},
	{"_PyObject_GC_New, Debian 13, 3.13", {4, true}, {4, true},
		"f30f1efa415731c94156415541544989fc55534883ec08488b97a80000004889"
		"d048c1e80d83e002f6c2180f95c14c8d2c48488b472049c1e50383e2040f853d"},
	{"_PyObject_GC_New, Debian sid, 3.14", {0, false}, {0, false},
		"f30f1efa4883ec38488b87a80000004c896c24204889c24989c54c897c24304c"
		"8b7f2049c1ed0e83e2184c896424184183e5014883fa014983ddff49c1e504a8"},
	{"PyObject_GC_Del, pyenv 3.8.18", {0, false}, {11, true},
		"488b47f0488d77f04885c07421488b4ff8488b50084883e1fc83e2034809ca48"
		"89014889500848c747f000000000488b15634814008b828401000085c07e0983"},
	{"PyObject_GC_Del, pyenv 3.11.7", {0, false}, {42, true},
		"488b4708488b90a80000004889d048c1ea0348c1e80d83e20283e0024801d048"
		"8b57f048c1e0034885d27421488b77f8488b4a084883e6fc83e1034809f14889"},
	{"PyObject_GC_Del, pyenv 3.13.0", {0, true}, {0, true},
		"55534889fb4883ec08488b4708488b90a80000004889d048c1e80d83e00283e2"
		"180f95c20fb6d2488d2c50488b47f048c1e5034885c07421488b4ff8488b5008"},
	{"PyObject_GC_Del, Debian 13, 3.13", {0, false}, {49, true},
		"f30f1efa488b4708488b90a80000004889d048c1e80d83e00283e2180f95c20f"
		"b6d2488d0450488b57f048c1e0034885d20f856d13efff64488b1425e8ffffff"},
	{"PyObject_GC_Del, Debian sid, 3.15", {0, false}, {56, true},
		"f30f1efa64488b0c25e8ffffff488b4708488b90a80000004889d083e21848c1"
		"e80e83e0014883fa01488b57f04883d8ff48c1e0044885d20f85a583eaff8b91"},
	{"_Py_NewReference, pyenv 3.11.7", {7, true}, {7, true},
		"488b0501992900534889fb8b400485c0750e48c703010000005bc30f1f440000"
		"e89bdb120048c703010000005bc366904885ff742b534889fb48897708f686a9"},
	{"_Py_NewReference, pyenv 3.13.0", {0, false}, {0, false},
		"488b15c9c7390048c70701000000488b82482800004885c0740e488b92502800"
		"0031f6ffe00f1f00c30f1f80000000004885ff74238b06534889fb4889770883"},
	{"_Py_NewReference, Debian 12, 3.11", {8, true}, {8, true},
		"8b059ee6530085c0750848c70701000000c34883ec1848897c2408e880b10b00"
		"488b7c240848c707010000004883c418c366662e0f1f8400000000000f1f4000"},
	{"PyObject_GC_UnTrack, pyenv 3.8.18", {7, true}, {7, true},
		"488b47f04885c07426488b4ff8488b50084883e1fc83e2034809ca4889014889"
		"5008488367f80148c747f000000000c348b8efffffffffffff7f4839f8726941"},
	{"PyObject_GC_UnTrack, Debian 12, 3.11", {0, false}, {7, true},
		"488b57f04885d27426488b4ff8488b42084883e1fc83e0034809c84889114889"
		"4208488367f80148c747f000000000c3488b4708483970300f94c00fb6c0c390"},
	{"PyObject_GC_UnTrack, Debian 13, 3.13", {0, false}, {11, true},
		"f30f1efa488b57f04885d27426488b4ff8488b42084883e1fc83e0034809c848"
		"891148894208488367f80148c747f000000000c366662e0f1f84000000000090"},
	{"PyObject_GC_Track, pyenv 3.8.18", {5, true}, {5, true},
		"48837ff000534889fb7545488b05364d1400488d4bf0488b90b8010000488b43"
		"f8488b720883e00366480f6ec24809f048890e66480f6ec8660f6cc10f1143f0"},
	{"PyObject_GC_Track, Debian 13, 3.13", {9, true}, {9, true},
		"f30f1efa48837ff0000f857b02efff64488b0425e8ffffff488d4ff0488b4010"
		"488b90481d0000488b47f8488b720883e00366480f6ec24809f048890e66480f"},
};

/* Instructions made up for one rule each. */
static const struct rule {
	const char *name;
	enum site_keeps keeps;
	struct site site;
	const char *bytes;
} rules[] = {
	{"push %rax, the first of the one-byte pushes", SITE_ALL, {4, true}, "f30f1efa50"},
	{"push %rdi, the last", SITE_ALL, {4, true}, "f30f1efa57"},
	{"push %r15", SITE_ALL, {4, true}, "f30f1efa4157"},
	{"push without endbr64", SITE_ALL, {0, true}, "554889e5"},
	{"nop", SITE_ALL, {0, true}, "90c3"},
	{"jmp at the entry", SITE_ALL, {0, true}, "e900100000"},
	{"short jmp at the entry", SITE_ALL, {0, true}, "eb10"},
	{"short jmp over eight bytes, where a kernel may see a slot", SITE_ALL, {0, false}, "eb08"},
	{"pop after endbr64", SITE_ALL, {0, false}, "f30f1efa58c3"},
	{"endbr32", SITE_ALL, {0, false}, "f30f1efb55"},
	{"push with a superfluous prefix is stepped", SITE_ALL, {0, false}, "6650"},
	{"push with another REX prefix is stepped", SITE_ALL, {0, false}, "4850"},
	{"ret", SITE_ALL, {0, false}, "f30f1efac3"},
	{"mov of a free register, push", SITE_ALL, {6, true}, "f30f1efa89f855"},
	{"long nop, push", SITE_ALL, {10, true}, "662e0f1f84000000000055"},
	{"thread-local load, push", SITE_ALL, {9, true}, "64488b0425f8ffffff55"},
	{"load by rip, test, je: at the je", SITE_ALL, {10, true}, "488b05001000004885c07405"},
	{"test, near je: at the je", SITE_ALL, {3, true}, "4885ff0f8400010000"},
	{"a branch before the push has the probe itself", SITE_ALL, {3, true}, "4885ff740155"},
	{"hinted branch is not taken", SITE_ALL, {0, false}, "4885ff2e740155"},
	{"call is not taken", SITE_ALL, {0, false}, "89f8e80010000055"},
	{"store before the push", SITE_ALL, {0, false}, "48890755"},
	{"increment in memory before the push", SITE_FIRST, {0, false}, "48ff0755"},
	{"locked instruction before the push", SITE_ALL, {0, false}, "f048ff0755"},
	{"string instruction before the push", SITE_ALL, {0, false}, "f348a555"},
	{"rdi overwritten before the push", SITE_FIRST, {0, false}, "488b7f1055"},
	{"rdi overwritten by an immediate", SITE_FIRST, {0, false}, "bf0100000055"},
	{"r15 overwritten, whose low bits are those of rdi", SITE_ALL, {6, true}, "41bf0100000055"},
	{"rsi overwritten, but not asked for", SITE_FIRST, {2, true}, "31f655"},
	{"rsi overwritten", SITE_SECOND, {0, false}, "31f655"},
	{"dh overwritten", SITE_THIRD, {0, false}, "b60155"},
	{"mul writes rdx", SITE_FIRST | SITE_THIRD, {0, false}, "48f7e155"},
	{"cqto writes rdx", SITE_ALL, {0, false}, "489955"},
	{"stack taken before the branch, stack asked for", SITE_ALL, {0, false}, "4883ec084885ff7405"},
	{"stack taken before the branch, not asked for", SITE_FIRST, {7, true}, "4883ec084885ff7405"},
	{"much stack taken", SITE_FIRST, {10, true}, "4881ec000100004885ff7405"},
	{"stack given back", SITE_FIRST, {0, false}, "4883ecf84885ff7405"},
	{"stack aligned", SITE_FIRST, {0, false}, "4883e4f055"},
	{"store into the frame", SITE_FIRST, {12, true}, "4883ec1848895c24104885ff7405"},
	{"store over the return address", SITE_FIRST, {0, false}, "4883ec1848895c24184885ff7405"},
	{"store into the red zone", SITE_ALL, {8, true}, "48895c24f84885ff7405"},
	{"store below the red zone", SITE_ALL, {0, false}, "48899c2400f0ffff4885ff7405"},
	{"store at an index from rsp", SITE_FIRST, {0, false}, "4883ec1848895c0c084885ff7405"},
	{"loop back to the load before the branch", SITE_ALL, {0, false}, "f30f1efa488b47084885c07402ebf5c3"},
	{"loop back to the branch", SITE_ALL, {0, false}, "4885ff7402ebfcc3"},
	{"loop back from afar", SITE_ALL, {0, false}, "4889f84885c074020f85f5ffffffc3"},
	{"loop back to the entry is one more call", SITE_ALL, {3, true}, "4885ff7402ebf9c3"},
	{"push a few bytes before the end of the search", SITE_ALL, {63, true},
		"0f1f40000f1f40000f1f40000f1f40000f1f40000f1f40000f1f40000f1f4000"
		"0f1f40000f1f40000f1f40000f1f40000f1f40000f1f40000f1f40006689c055"},
	{"push behind the end of the search", SITE_ALL, {0, false},
		"0f1f40000f1f40000f1f40000f1f40000f1f40000f1f40000f1f40000f1f4000"
		"0f1f40000f1f40000f1f40000f1f40000f1f40000f1f40000f1f40000f1f4000"
		"55"},
	{"a push cut in two", SITE_ALL, {0, false}, "f30f1efa41"},
	{"a branch cut in two", SITE_ALL, {0, false}, "4885ff0f8400"},
	{"a load cut before its SIB byte", SITE_ALL, {0, false}, "488b04"},
	{"endbr64 and no more", SITE_ALL, {0, false}, "f30f1efa"},
	{"two bytes", SITE_ALL, {0, false}, "f30f"},
	{"prefixes only", SITE_ALL, {0, false}, "66666666"},
};

static size_t parse(const char *text, uint8_t *bytes, size_t most)
{
	size_t n = strlen(text) / 2;
	unsigned byte;

	if (n > most)
		n = most;
	for (size_t i = 0; i < n && sscanf(text + 2 * i, "%2x", &byte) == 1; i++)
		bytes[i] = (uint8_t)byte;
	return n;
}

static void check_site(const char *text, enum site_keeps keeps, struct site wanted, const char *what, const char *name)
{
	uint8_t bytes[2 * MOST];
	size_t n = parse(text, bytes, sizeof(bytes));
	struct site site = site_choose_keeping(bytes, n, keeps);

	check(site.offset == wanted.offset && site.emulated == wanted.emulated, "%s%s: %s at %zu, not %s at %zu", name,
		what, wanted.emulated ? "emulated" : "stepped", wanted.offset, site.emulated ? "emulated" : "stepped",
		site.offset);
}

/* Each beginning of a function has the site of the whole, or none; from memory of just that size, for ASan to see. */
static bool holds_when_cut(const struct function *function)
{
	uint8_t whole[MOST];
	size_t n = parse(function->bytes, whole, sizeof(whole));

	for (size_t cut = 0; cut <= n; cut++) {
		uint8_t *bytes = malloc(cut + !cut);
		struct site site;

		if (!bytes)
			return false;
		memcpy(bytes, whole, cut);
		site = site_choose_keeping(bytes, cut, SITE_FIRST);
		free(bytes);
		if (site.emulated ? site.offset != function->first.offset || site.offset >= cut : site.offset != 0)
			return false;
	}
	return true;
}

/* Code at 0x400000, and what it compares something with: the first value, 0 for none. */
static const struct comparison {
	const char *bytes, *name;
	uint64_t value;
} comparisons[] = {
	{"483d504d51000f8563010000", "cmp $0x514d50,%rax; jne", 0x514d50},
	{"48817830504d510075509090", "cmpq $0x514d50,0x30(%rax); jne", 0x514d50},
	{"49817c2430504d510075509090", "cmpq $0x514d50,0x30(%r12); jne", 0x514d50},
	{"4981fd504d51000f85e5010000", "cmp $0x514d50,%r13; jne", 0x514d50},
	{"4881b830010000504d51007550", "cmpq $0x514d50,0x130(%rax); jne", 0x514d50},
	{"48c74330504d510090909090", "movq $0x514d50,0x30(%rbx)", 0},
	{"4881c4504d51009090909090", "add $0x514d50,%rsp", 0},
	{"488d3df90f00004839fe740a", "lea 0x401000(%rip),%rdi; cmp %rdi,%rsi; je", 0x401000},
	{"4c8d3df90f00004c397830740a", "lea 0x401000(%rip),%r15; cmp %r15,0x30(%rax); je", 0x401000},
	{"488d3df90f00004839c6740a", "lea of another register than is compared", 0},
	{"488d35f90f00004889dfe800000000", "lea 0x401000(%rip),%rsi; mov; call", 0},
	{"483d504d51", "a cmp that is cut", 0},
};

static void check_comparison(const struct comparison *comparison)
{
	uint8_t bytes[64];
	size_t n = parse(comparison->bytes, bytes, sizeof(bytes)), at = 0, where = 0;
	uint64_t value = site_next_compared(bytes, n, 0x400000, &at, &where);

	check(value == comparison->value && (!value || where == 0), "%s: compared with 0x%llx", comparison->name,
		(unsigned long long)value);
	if (value)
		check(!site_next_compared(bytes, n, 0x400000, &at, &where), "%s: once", comparison->name);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++)
		check_comparison(&comparisons[i]);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const struct function *function = &functions[i];

		check_site(function->bytes, SITE_ALL, function->all, ", everything kept", function->name);
		check_site(function->bytes, SITE_FIRST, function->first, ", first argument kept", function->name);
		check(holds_when_cut(function), "%s: never another site when cut", function->name);
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		check_site(rules[i].bytes, rules[i].keeps, rules[i].site, "", rules[i].name);
	check(!site_choose(NULL, 0).emulated && site_offset(NULL, 0) == 0, "no bytes: at the entry");
	return checks_end();
}
