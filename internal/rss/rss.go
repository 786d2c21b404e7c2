// Package rss tells how much memory the process has used.
package rss
