// Every request, reply and push between a client and the metadata service. Each request names its
// operation and its reply; operations.h lists them. Any request may fail with EIO (a fault, logged
// at the server), ENOSPC (no room for metadata), ESTALE (the inode is gone) or EROFS (the session
// is read-only); the comments name the errors that come in addition.
#pragma once

#include "lib/wire/data_messages.h"
#include "lib/wire/name_messages.h"
#include "lib/wire/session_messages.h"
#include "lib/wire/xattr_messages.h"
