// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"testing"

	"github.com/larder-store/larder/interop/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
