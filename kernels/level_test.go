package kernels

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseLevel(t *testing.T) {
	for setting, want := range map[string]Level{"": Best(), "auto": Best(), "off": None} {
		level, err := ParseLevel(setting)
		require.NoError(t, err)
		assert.Equal(t, want, level, setting)
	}
	_, err := ParseLevel("fast")
	var unknown *SettingError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, "fast", unknown.Setting)
	require.EqualError(t, err, `kernels: "fast": want one of auto, on, off, avx2, vnni`)

	for setting, least := range map[string]Level{"on": AVX2, "avx2": AVX2, "vnni": VNNI} {
		level, err := ParseLevel(setting)
		if Best() < least {
			require.ErrorContains(t, err, "this processor")
			assert.NotErrorAs(t, err, &unknown)
			continue
		}
		require.NoError(t, err)
		assert.GreaterOrEqual(t, level, least, setting)
	}
}
